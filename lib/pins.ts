/** Tables of what is downloaded: JSON files that a person can read, and that the `pin` commands write. */
import { readFileSync, writeFileSync } from "node:fs";

/** The content that a file or an image must have. */
export interface Pin {
  /** Hash with its algorithm: `sha256:` and 64 hex digits, or `sha512:` and 128. */
  hash: string;
  /** Where the hash was found. */
  source: string;
  /** Day on which a `pin` command last compared it with its host, e.g. `2026-11-27`; null if none has yet. */
  checked: string | null;
}

/** Pins by what they are of: a URL, or `repository:tag`. */
export type Pins = Record<string, Pin>;

export const readPins = (path: string): Pins => JSON.parse(readFileSync(path, "utf8")) as Pins;

/** Writes a table, sorted. It is written in place, so that the file keeps its owner. */
export function writePins(path: string, pins: Pins): void {
  const sorted = Object.fromEntries(
    Object.keys(pins)
      .sort()
      .map((key) => [key, pins[key]]),
  );
  writeFileSync(path, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** Today, as {@link Pin.checked} has it. */
export const today = (): string => new Date().toISOString().slice(0, 10);
