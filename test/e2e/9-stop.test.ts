import { describe, expect, it } from "vitest";
import { npm } from "./commands";

describe("Given a running pipeline with models", () => {
  it("When it is stopped, Then nothing is left", async () => {
    const stop = await npm("stop");
    expect(stop.code).toBe(0);
    expect(stop.output).toContain("✓ pulumi destroy: ");
    expect(stop.output).toMatch(/nothing is left/i);
  });
});
