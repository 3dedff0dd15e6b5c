import { mkdir } from "node:fs/promises";
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

/**
 * Builds the page into a folder.
 * @param watches whether to build it again whenever a file changes
 */
export async function buildPage(outDir: string, watches = false): Promise<void> {
  await buildWithVite({
    root: join(repositoryRoot, "board", "page"),
    logLevel: "error",
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
