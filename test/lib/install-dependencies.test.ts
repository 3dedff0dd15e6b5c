import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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

it("a command installs the packages in a new clone and after a pull, and not again", () => {
  const clone = mkdtempSync(join(tmpdir(), "gourmetgram-clone-"));
  try {
    cpSync(join(repositoryRoot, "lib"), join(clone, "lib"), { recursive: true });
    const write = (name: string, content: object) => writeFileSync(join(clone, name), JSON.stringify(content));
    // In the place of tsx is a package that no registry is asked for.
    mkdirSync(join(clone, "tsx"));
    write("tsx/package.json", { name: "tsx", version: "1.0.0", exports: { "./cjs": "./cjs.js" } });
    writeFileSync(join(clone, "tsx", "cjs.js"), "");
    const clonePackage = { name: "clone", version: "1.0.0", dependencies: { tsx: "file:tsx" } };
    write("package.json", clonePackage);
    const packages = {
      "": clonePackage,
      tsx: { version: "1.0.0" },
      "node_modules/tsx": { resolved: "tsx", link: true },
    };
    const lock = () => write("package-lock.json", { name: "clone", version: "1.0.0", lockfileVersion: 3, packages });
    lock();
    writeFileSync(join(clone, "command.js"), "console.log(process.argv.slice(2).join())");
    const run = () => {
      const command = ["--require", "./lib/with-packages.cjs", "command.js", "normal"];
      const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: clone, encoding: "utf8" });
      return [stdout, stderr.split(" ")[0]];
    };
    expect(run()).toEqual(["normal\n", "Installing"]);
    expect(run()).toEqual(["normal\n", ""]);
    Object.assign(clonePackage, { license: "Apache-2.0" });
    lock();
    expect(run()).toEqual(["normal\n", "Installing"]);
  } finally {
    rmSync(clone, { recursive: true });
  }
}, 60_000);

it("lets no package run a script of its own as it is installed, and names each that has one", () => {
  const read = (file: string) => JSON.parse(readFileSync(join(repositoryRoot, file), "utf8"));
  const { packages } = read("package-lock.json") as { packages: Record<string, { hasInstallScript?: boolean }> };
  const places = Object.keys(packages).filter((place) => packages[place].hasInstallScript);
  const names = new Set(places.map((place) => place.replace(/^.*node_modules\//, "")));
  // npm 11 warns of one that is not named; an older npm does not know the field, and runs them.
  expect(read("package.json").allowScripts).toEqual(Object.fromEntries([...names].map((name) => [name, false])));
});
