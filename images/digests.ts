import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The table of the upstream images' digests, by `repository:tag`. `npm run images -- pin` checks and writes it. */
export const digestsPath = join(__dirname, "pinned-digests.json");

/** `repository:tag@digest` of an image that the table has. @throws if it does not have it */
export function pinnedReference({ repository, tag }: { repository: string; tag: string }): string {
  const digest = pinnedDigest(repository, tag);
  if (!digest) throw new Error(`${repository}:${tag} has no digest: run npm run images -- pin, which looks it up.`);
  return `${repository}:${tag}@${digest}`;
}

/** Digest of an upstream image, as the table has it at this moment; null if it has none. */
export function pinnedDigest(repository: string, tag: string, path = digestsPath): string | null {
  const pins = JSON.parse(readFileSync(path, "utf8")) as Record<string, { hash: string }>;
  return pins[`${repository}:${tag}`]?.hash ?? null;
}
