import { expect, it } from "vitest";
import { lintPython } from "../python";

it("ruff has nothing to say of the Python, as npm run lint:python shows", { timeout: 300_000 }, async () => {
  expect(await lintPython()).toContain("All checks passed!");
});
