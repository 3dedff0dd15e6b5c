import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { build as buildWithVite } from "vite";
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

async function buildPage(outDir: string): Promise<void> {
  const root = join(repositoryRoot, "board", "page");
  if (!existsSync(join(root, "index.html"))) return writePlaceholder(outDir);
  await buildWithVite({
    root,
    logLevel: "error",
    // The page's policy allows no file that is part of another one.
    build: { outDir, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
}

/** Stands in for the page until there is one. */
async function writePlaceholder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = "The board has no page yet. Its API is at /api.";
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html>\n<meta charset="utf-8">\n<title>Board</title>\n${text}\n`,
  );
}
