/** The stand-in for the Command provider, by its own tests in Go. */
import { expect, it } from "vitest";
import { exec } from "../../lib/exec";
import { compilerFlags, goEnvironment, moduleDir, toolGroup } from "../../local/toolchain/go-tools";

it("runs commands as the official one does", async () => {
  const output = await exec("go", ["test", "-trimpath", ...compilerFlags, "./pulumi-resource-command"], {
    cwd: moduleDir(toolGroup("pulumi")),
    env: goEnvironment,
  });
  expect(output).toMatch(/^ok\s/);
}, 300_000);
