import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseJson } from "./json";

/** Writes a file at once: where the disk is full or the process is killed, the file stays as it was. */
export function writeWhole(path: string, text: string): void {
  const part = join(dirname(path), `.${basename(path)}.part`);
  writeFileSync(part, text);
  renameSync(part, path);
}

/** The JSON value of a file. Undefined if there is none, or none to its end: a crash of the machine may cut it off. */
export function readWhole(path: string): unknown {
  return existsSync(path) ? parseJson(readFileSync(path, "utf8")) : undefined;
}
