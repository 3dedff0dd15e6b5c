import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageSizes } from "../../bench/board";
import { buildBoard } from "../../board/build";
import { boardSources } from "../../board/sources";
import { repositoryRoot } from "../../lib/paths";

describe("the built board", () => {
  const folder = mkdtempSync(join(tmpdir(), "board-build-"));
  beforeAll(() => buildBoard(folder));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is a server of one file, which needs no packages, and a page", () => {
    expect(existsSync(join(folder, "page", "index.html"))).toBe(true);
    const { status, stderr } = spawnSync("node", ["server.js"], { cwd: folder, env: { PATH: process.env.PATH } });
    expect([status, stderr.toString().split("\n")[0]]).toEqual([1, "The board's settings are wrong:"]);
  });

  it("is the same each time, so that its image is built once", async () => {
    const again = mkdtempSync(join(tmpdir(), "board-build-"));
    try {
      await buildBoard(again);
      for (const file of ["server.js", join("page", "index.html"), join("page", "index.html.gz")])
        expect(readFileSync(join(again, file)).equals(readFileSync(join(folder, file)))).toBe(true);
    } finally {
      rmSync(again, { recursive: true });
    }
  });

  it("has a page of less than 300 kB, as the server sends it", async () => {
    const sizes = await pageSizes(join(folder, "page"));
    expect(sizes.map(({ name }) => name)).toContain("index.html");
    expect(sizes.some(({ name }) => name.endsWith(".js"))).toBe(true);
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(300_000);
  });

  it("packs each file of the page as it is", () => {
    const packed = readFileSync(join(folder, "page", "index.html.gz"));
    expect(gunzipSync(packed).equals(readFileSync(join(folder, "page", "index.html")))).toBe(true);
  });

  it("names no path of the machine that built it", () =>
    expect(readFileSync(join(folder, "server.js"), "utf8")).not.toContain(repositoryRoot + sep));

  it.each([
    ["server", "main.ts"],
    ["page", "main.tsx"],
  ])("has a %s that is made from nothing but its sources and the packages", async (...path) => {
    const entryPoints = [join(repositoryRoot, "board", ...path)];
    const { metafile } = await build({
      entryPoints,
      bundle: true,
      platform: "node",
      write: false,
      outdir: folder,
      metafile: true,
    });
    const inputs = Object.keys(metafile.inputs).filter((input) => !input.includes("node_modules"));
    const isSource = (input: string) => boardSources.some((known) => join(process.cwd(), input).startsWith(known));
    expect(inputs.filter((input) => !isSource(input))).toEqual([]);
  });
});
