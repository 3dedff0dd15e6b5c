import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** SHA-256 of a file's content, 64 hex digits. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Every file below a folder, relative to it, sorted; without Python's caches. */
export async function listFiles(folder: string, prefix = ""): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true });
  const lists = entries
    .filter(({ name }) => name !== "__pycache__")
    .map(async (entry) => {
      const path = join(prefix, entry.name);
      return entry.isDirectory() ? listFiles(folder, path) : [path];
    });
  return (await Promise.all(lists)).flat().sort();
}

/**
 * Key of something that is made from folders or files and from texts: 16 hex digits that change
 * with any name, executable bit or byte.
 */
export async function contentKey(paths: string[], texts: string[]): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(texts));
  for (const path of paths) {
    const files = (await stat(path)).isDirectory() ? await listFiles(path) : [""];
    for (const file of files) {
      const { mode } = await stat(join(path, file));
      hash.update(JSON.stringify([file, Boolean(mode & 0o100), await fileHash(join(path, file))]));
    }
  }
  return hash.digest("hex").slice(0, 16);
}
