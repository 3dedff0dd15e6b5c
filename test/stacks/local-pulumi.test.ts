import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

/** What a command does that runs Pulumi, and then says that it goes on. */
const command = (runs: string) => `
  const { ${runs} } = require("./lib/main");
  const { pulumi } = require("./stacks/local-pulumi");
  ${runs}(() => pulumi(["preview"], { onLine: console.log }).then(() => (console.log("goes on"), 0)));
`;

describe("a command that runs Pulumi, and that TERM ends", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pulumi-"));
    mkdirSync(join(folder, "cache", "bin"), { recursive: true });
    // Ends its plugins at an interrupt, as the CLI does; at TERM it would leave them.
    const lines = [
      "#!/bin/sh",
      `trap 'echo ended >"$0.said"; exit 1' INT`,
      "echo began",
      "while :; do sleep 0.1; done",
    ];
    writeFileSync(join(folder, "cache", "bin", "pulumi"), lines.join("\n"), { mode: 0o755 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ["runMain", 1, "`pulumi preview` failed with exit code 1"],
    ["runPhases", 143, "Interrupted. To continue from here, run the same command again."],
  ])("has the CLI end first, and then ends itself (%s)", async (runs, expected, sentence) => {
    const said = join(folder, "cache", "bin", "pulumi.said");
    rmSync(said, { force: true });
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", command(runs)], {
      cwd: repositoryRoot,
      env: { ...process.env, GOURMETGRAM_STATE: folder, GOURMETGRAM_CACHE: join(folder, "cache") },
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
      child.kill("SIGTERM");
    });
    child.stderr.on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, output]).toEqual([expected, expect.stringContaining(sentence)]);
    expect(output).not.toContain("goes on");
    expect(existsSync(said) && readFileSync(said, "utf8")).toBe("ended\n");
  });
});
