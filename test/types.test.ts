import { expect, it } from "vitest";
import { exec } from "../lib/exec";
import { repositoryRoot } from "../lib/paths";

// Beside the other tests: the compiler takes a processor for as long as many of them together.
it("the program and the board's page have no error of types", { timeout: 150_000 }, async () => {
  const said: string[] = [];
  const run = exec("npm", ["run", "--silent", "types"], { cwd: repositoryRoot, onLine: (line) => said.push(line) });
  const errors = await run.then(
    () => [],
    (error: Error) => [...said, error.message],
  );
  expect(errors).toEqual([]);
});
