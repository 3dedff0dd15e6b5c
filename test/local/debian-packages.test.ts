/** How packages are installed. `apt-get` and `dpkg-query` are stand-ins: nothing is installed. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { ensurePackages } from "../../local/toolchain/debian-packages";

let folder: string;
let policy: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "debian-packages-"));
  policy = join(folder, "policy-rc.d");
  vi.stubEnv("PATH", [folder, process.env.PATH].join(delimiter));
  install("dpkg-query", 'echo "present install ok installed"');
  install("apt-get", installation);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const install = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\ncd ${folder}\n${script}\n`, { mode: 0o755 });
/** Keeps the policy that stands there while packages are installed. */
const installation = 'case "$*" in *install*) cp policy-rc.d seen ;; esac';
const ensure = (...wanted: string[]) => ensurePackages(wanted, () => {}, policy);
const seen = () => readFileSync(join(folder, "seen"), "utf8");

/** The policy as an install has it that was killed. */
async function leftPolicy(): Promise<string> {
  await ensure("missing");
  return seen();
}

describe("the policy on the start of services", () => {
  it("forbids it while packages are installed, and is gone then", async () => {
    expect(await ensure("present", "missing")).toEqual(["missing"]);
    expect(seen()).toMatch(/^#!\/bin\/sh\n.*GourmetGram's npm start.*\nexit 101\n$/);
    expect(existsSync(policy)).toBe(false);
  });

  it("is gone after an install that failed", async () => {
    install("apt-get", 'case "$*" in *install*) exit 100 ;; esac');
    await expect(ensure("missing")).rejects.toThrow("apt-get install failed: fix what it reports");
    expect(existsSync(policy)).toBe(false);
  });

  it("of the machine stays as it is", async () => {
    const own = "#!/bin/sh\nexit 101\n";
    writeFileSync(policy, own);
    await ensure("missing");
    await ensure("present");
    expect(seen()).toBe(own);
    expect(readFileSync(policy, "utf8")).toBe(own);
  });

  it.each(["missing", "present"])(
    "that an install left which was killed goes with the next look (%s)",
    async (name) => {
      writeFileSync(policy, await leftPolicy());
      await ensure(name);
      expect(existsSync(policy)).toBe(false);
    },
  );
});

it("an interrupt waits until the packages are installed, and leaves no policy", async () => {
  // Given an install that lasts
  install("apt-get", 'case "$*" in *install*) touch begun; sleep 2; touch done ;; esac');
  const program = `
    const { handleInterrupts } = require("./lib/interrupts");
    const { ensurePackages } = require("./local/toolchain/debian-packages");
    handleInterrupts();
    ensurePackages(["missing"], () => {}, ${JSON.stringify(policy)}).then(() => console.log("went on"));`;
  const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", program], {
    cwd: repositoryRoot,
    detached: true,
  });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  while (!existsSync(join(folder, "begun")) && child.exitCode === null) await delay(20);
  expect(existsSync(policy)).toBe(true);
  // When a person presses Ctrl-C, which the terminal sends to the whole group
  process.kill(-child.pid!, "SIGINT");
  // Then
  expect(await ended).toBe(130);
  expect(existsSync(join(folder, "done"))).toBe(true);
  expect(existsSync(policy)).toBe(false);
  expect(stdout).toBe("");
}, 30_000);
