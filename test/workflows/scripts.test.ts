import { expect, it } from "vitest";
import { pytest } from "../python";

it("the steps pass their own tests", { timeout: 300_000 }, async () => {
  expect(await pytest(__dirname, "-n", "4")).toMatch(/\d+ passed/);
});
