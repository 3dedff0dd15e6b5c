import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { build as buildWithVite, type Plugin } from "vite";
import { repositoryRoot } from "../lib/paths";

/** Major version of Debian bookworm's Node.js, which runs the server in its image. */
const target = "node18";

/** Builds the board: `server.js`, one file that needs no packages, and the folder `page`. */
export async function buildBoard(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all([buildServer(join(folder, "server.js")), buildPage(join(folder, "page"))]);
}

async function buildServer(outfile: string): Promise<void> {
  const entry = join(repositoryRoot, "board", "server", "main.ts");
  await bundle({ entryPoints: [entry], outfile, bundle: true, platform: "node", target, logLevel: "error" });
}

/** Puts beside each file of the page what the server sends of it: `index.html.gz` beside `index.html`. */
const compressed: Plugin = {
  name: "compressed",
  async writeBundle({ dir }) {
    const entries = await readdir(dir!, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile() && !one.name.endsWith(".gz"))) {
      const path = join(entry.parentPath, entry.name);
      await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
    }
  },
};

/**
 * Builds the page into a folder.
 * @param watches whether to build it again whenever a file changes
 */
export async function buildPage(outDir: string, watches = false): Promise<void> {
  await buildWithVite({
    root: join(repositoryRoot, "board", "page"),
    logLevel: "error",
    plugins: [compressed],
    build: {
      outDir,
      emptyOutDir: true,
      // The page's policy allows no file that is part of another one.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      watch: watches ? {} : null,
    },
  });
}
