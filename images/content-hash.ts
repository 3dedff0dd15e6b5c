import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** SHA-256, as hex, of every file below the folders: names and contents, in a fixed order. */
export function contentHash(folders: string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders)
    for (const file of files(folder)) hash.update(`${relative(folder, file)}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function files(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name !== "__pycache__").sort();
  return names.map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
}
