import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The table of the upstream images' digests, by `repository:tag`. `npm run images -- pin` checks and writes it. */
export const digestsPath = join(__dirname, "pinned-digests.json");

/** Digest of an upstream image, as the table has it at this moment; null if it has none. */
export function pinnedDigest(repository: string, tag: string, path = digestsPath): string | null {
  const pins = JSON.parse(readFileSync(path, "utf8")) as Record<string, { hash: string }>;
  return pins[`${repository}:${tag}`]?.hash ?? null;
}
