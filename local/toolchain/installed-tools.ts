import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir, toolPath } from "../../lib/paths";

const stampPath = (tool: string) => join(cacheDir(), "origins", tool);

/**
 * Moves a tool into the cache.
 * @param origin what it was made of, or the hash of the file that it was in
 */
export function installTool(tool: string, path: string, origin: string): void {
  for (const target of [toolPath(tool), stampPath(tool)]) mkdirSync(dirname(target), { recursive: true });
  // So that an interrupted start leaves no tool with the origin of another.
  rmSync(stampPath(tool), { force: true });
  renameSync(path, toolPath(tool));
  writeFileSync(stampPath(tool), origin);
}

/** The origin of a tool in the cache, as {@link installTool} got it; undefined if it is not there. */
export function originOf(tool: string): string | undefined {
  if (!existsSync(toolPath(tool)) || !existsSync(stampPath(tool))) return undefined;
  return readFileSync(stampPath(tool), "utf8");
}
