import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deletionScript } from "../../components/shared/command-env";
import { repositoryRoot } from "../../lib/paths";

/** A clone as git makes it, as far as the command needs it, and an npm that installs a tsx which says its arguments. */
let clone: string;
const tsx = "mkdir -p node_modules/.bin && printf '#!/bin/sh\\necho tsx $*\\n' > node_modules/.bin/tsx";
const npm = (script: string) => {
  writeFileSync(join(clone, "bin", "npm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
};

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "clone-"));
  for (const folder of ["bin", "lib"]) mkdirSync(join(clone, folder));
  for (const file of ["lib/install-dependencies.mjs", "lib/return-to-owner.mjs", "package-lock.json"])
    cpSync(join(repositoryRoot, file), join(clone, file));
});
afterEach(() => rmSync(clone, { recursive: true }));

function run(): { status: number | null; output: string } {
  const PATH = [join(clone, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(":");
  const options = { cwd: clone, env: { PATH }, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", deletionScript("stacks/refuse-destroy.ts")], options);
  return { status, output: stdout + stderr };
}

describe("a script that pulumi destroy runs", () => {
  it("installs the packages first in a fresh clone, and only there", () => {
    npm(`${tsx} && chmod +x node_modules/.bin/tsx`);
    const first = run();
    expect(first.status).toBe(0);
    expect(first.output).toContain("tsx stacks/refuse-destroy.ts\n");
    expect(first.output).toContain("Installing the npm packages of package-lock.json");
    npm("exit 1");
    expect(run()).toEqual({ status: 0, output: "tsx stacks/refuse-destroy.ts\n" });
  });

  it("fails, and says what to do, where they can't be installed", () => {
    npm("exit 1");
    expect(run()).toEqual({
      status: 1,
      output:
        "Installing the npm packages of package-lock.json (once, about 20 s) ...\n" +
        "npm ci failed: fix what its message above names, then run this again.\n",
    });
  });
});
