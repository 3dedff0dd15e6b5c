import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

it.each(["18.20.8", "20.18.3", "21.7.3", "22.12.0", "23.11.1"])("npm start refuses Node.js %s", (version) => {
  const preload = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
  const script = join(repositoryRoot, "lib", "install-dependencies.mjs");
  const { status, stderr } = spawnSync(process.execPath, ["--import", preload, script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    1,
    `Node.js ${version} is not supported: install 24, 22.13 or newer, or 20.19 or newer, then run this again.\n`,
  ]);
});
