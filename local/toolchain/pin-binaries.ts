import { basename } from "node:path";
import { DownloadError, downloadText } from "../../lib/download";
import { type Pins, today } from "../../lib/pins";
import type { OfficialFile } from "./official-binaries";

/** What became of the table. */
export interface PinnedBinaries {
  pins: Pins;
  /** One line for each file. */
  lines: string[];
  /** How many files could not be checked. */
  failures: number;
}

/**
 * The hash of a file among the checksums of its release: lines of a hash and a name, or one hash alone.
 * @returns with its algorithm; undefined if there is none
 */
export function hashIn(checksums: string, name: string): string | undefined {
  for (const line of checksums.trim().split("\n")) {
    const [hash, of] = line.trim().split(/\s+/);
    if (!/^([0-9a-f]{64}|[0-9a-f]{128})$/.test(hash)) continue;
    if (of === undefined || of.replace(/^[*]|^[.]\//, "") === name) return `sha${hash.length * 4}:${hash}`;
  }
  return undefined;
}

/**
 * Compares every file with the checksums of its release. What cannot be checked stays as it is, and files of other
 * versions leave the table.
 * @param pins the table as it is
 */
export async function pinBinaries(files: readonly OfficialFile[], pins: Pins): Promise<PinnedBinaries> {
  const results = await Promise.all(
    files.map(async ({ title, url, checksums }) => {
      const known = pins[url];
      const name = basename(url);
      try {
        const hash = hashIn(await downloadText(checksums), name);
        if (!hash) throw new DownloadError(`${checksums} does not name ${name}`);
        const source = hash === known?.hash ? known.source : checksums;
        return {
          url,
          pin: { hash, source, checked: today() },
          line: `${title}, ${name}: ${change(hash, known?.hash)}`,
        };
      } catch (error) {
        if (!(error instanceof DownloadError)) throw error;
        const state = known ? "its hash stays as it is, unchecked" : "it has no hash yet";
        return { url, pin: known, failed: true, line: `! ${title}, ${name}: ${error.message}: ${state}` };
      }
    }),
  );
  return {
    pins: Object.fromEntries(results.flatMap(({ url, pin }) => (pin ? [[url, pin] as const] : []))),
    lines: results.map(({ line }) => line),
    failures: results.filter(({ failed }) => failed).length,
  };
}

function change(hash: string, known: string | undefined): string {
  if (hash === known) return "checked";
  return known ? `${hash} replaces ${known}` : `${hash}, as its release says`;
}
