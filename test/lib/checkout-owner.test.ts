import { spawnSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

/** A user of another machine: nobody has this number here. */
const user = 41234;
const dependencies = { "local-package": "file:local-package" };
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`a checkout of another user${isRoot ? "" : " (not tried without root)"}`, () => {
  let checkout: string;
  beforeEach(() => {
    checkout = mkdtempSync(join(tmpdir(), "gourmetgram-checkout-"));
    cpSync(join(repositoryRoot, "lib"), join(checkout, "lib"), { recursive: true });
    // A package that no registry is asked for.
    mkdirSync(join(checkout, "local-package"));
    write("local-package/package.json", { name: "local-package", version: "1.0.0" });
    write("package.json", { name: "checkout", version: "1.0.0", dependencies });
    lock({
      "": { name: "checkout", version: "1.0.0", dependencies },
      "local-package": { version: "1.0.0" },
      "node_modules/local-package": { resolved: "local-package", link: true },
    });
    for (const path of [".", "lib", ...everything()]) chownSync(join(checkout, path), user, user);
  });
  afterEach(() => rmSync(checkout, { recursive: true, force: true }));

  const write = (name: string, content: object) => writeFileSync(join(checkout, name), JSON.stringify(content));
  const lock = (packages: object) =>
    write("package-lock.json", { name: "checkout", version: "1.0.0", lockfileVersion: 3, packages });
  const everything = () => readdirSync(checkout, { recursive: true, encoding: "utf8" });
  const owners = () => [...new Set([".", ...everything()].map((path) => lstatSync(join(checkout, path)).uid))];
  const install = () => spawnSync(process.execPath, ["lib/install-dependencies.mjs"], { cwd: checkout });
  /** Runs a command of the checkout, which does this. */
  const command = (code: string) => {
    const tsx = require.resolve("tsx/cjs");
    const main = JSON.stringify(join(checkout, "lib", "main"));
    const script = `const main = require(${main}); const fs = require("node:fs"); ${code}`;
    return spawnSync(process.execPath, ["--require", tsx, "--eval", script], { cwd: checkout });
  };

  it("stays the user's when root installs its packages", () => {
    expect(install().status).toBe(0);
    expect(everything()).toContain("node_modules/.gourmetgram-lock-hash");
    expect(owners()).toEqual([user]);
  });

  it("stays the user's when the packages cannot be installed", () => {
    lock({ "": { dependencies: {} } });
    writeFileSync(join(checkout, "left-over"), "");
    expect(install().status).toBe(1);
    expect(owners()).toEqual([user]);
  });

  it.each([
    ["ends", "main.runMain(async () => { fs.mkdirSync('docs/new', { recursive: true }); return 0; })", 0],
    ["fails", "main.runPhases(async () => { fs.writeFileSync('new', ''); throw new Error('no cluster'); })", 1],
    [
      "is interrupted",
      "main.runPhases(async () => { fs.writeFileSync('new', ''); process.kill(process.pid, 'SIGINT'); " +
        "await new Promise((resolve) => setTimeout(resolve, 20_000)); return 0; })",
      130,
    ],
  ])("stays the user's when a command %s", (_title, code, status) => {
    expect(command(code).status).toBe(status);
    expect(everything().some((path) => path.endsWith("new"))).toBe(true);
    expect(owners()).toEqual([user]);
  });

  it("has links that lead out of it, whose ends nobody touches", () => {
    const outside = mkdtempSync(join(tmpdir(), "gourmetgram-outside-"));
    symlinkSync(outside, join(checkout, "link"));
    command("main.runMain(async () => 0)");
    expect([lstatSync(join(checkout, "link")).uid, lstatSync(outside).uid]).toEqual([user, 0]);
    rmSync(outside, { recursive: true });
  });
});
