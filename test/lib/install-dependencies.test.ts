import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
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

it("lets no package run a script of its own as it is installed, and names each that has one", () => {
  const read = (file: string) => JSON.parse(readFileSync(join(repositoryRoot, file), "utf8"));
  const { packages } = read("package-lock.json") as { packages: Record<string, { hasInstallScript?: boolean }> };
  const places = Object.keys(packages).filter((place) => packages[place].hasInstallScript);
  const names = new Set(places.map((place) => place.replace(/^.*node_modules\//, "")));
  // npm 11 warns of one that is not named; an older npm does not know the field, and runs them.
  expect(read("package.json").allowScripts).toEqual(Object.fromEntries([...names].map((name) => [name, false])));
});
