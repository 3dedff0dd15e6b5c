import { join } from "node:path";
import { build } from "vite";
import { repositoryRoot } from "../../lib/paths";

/**
 * Builds the page as it is delivered, so that the strict content security policy holds here too.
 * @param watches whether to build it again whenever a file changes
 */
export async function buildPage(folder: string, watches: boolean): Promise<void> {
  await build({
    root: join(repositoryRoot, "board", "page"),
    logLevel: "warn",
    build: { outDir: folder, emptyOutDir: true, assetsInlineLimit: 0, watch: watches ? {} : null },
  });
}
