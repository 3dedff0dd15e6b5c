/** The hashes of the release manifests that a stack of a user's own cluster downloads. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DownloadError, downloadText } from "../../lib/download";
import { type Pins, today } from "../../lib/pins";

/** The table of hashes, by URL. `npm run toolchain -- pin` checks and writes it. */
export const manifestHashesPath = join(__dirname, "manifest-hashes.json");

/**
 * Compares each manifest with its host. One of which no hash is known gets that of what the host has now. What cannot
 * be checked stays as it is, and so does what the host has otherwise: the file of a release never changes, so a person
 * must look. Manifests of other versions leave the table.
 * @param pins the table as it is
 * @returns the table, one line for each manifest, and how many of them could not be checked
 */
export async function pinManifests(
  urls: readonly string[],
  pins: Pins,
): Promise<{ pins: Pins; lines: string[]; failures: number }> {
  const results = await Promise.all(
    urls.map(async (url) => {
      const known = pins[url];
      try {
        const hash = `sha256:${createHash("sha256")
          .update(await downloadText(url))
          .digest("hex")}`;
        if (known && known.hash !== hash)
          throw new DownloadError(`its host has ${hash} instead of ${known.hash}: find out why, and correct the table`);
        const pin = { hash, source: known?.source ?? "its host", checked: today() };
        return { url, pin, line: `${url}: ${known ? "checked" : `${hash}, as its host has it`}` };
      } catch (error) {
        if (!(error instanceof DownloadError)) throw error;
        return { url, pin: known, failed: true, line: `! ${url}: ${error.message}` };
      }
    }),
  );
  return {
    pins: Object.fromEntries(results.flatMap(({ url, pin }) => (pin ? [[url, pin] as const] : []))),
    lines: results.map(({ line }) => line),
    failures: results.filter(({ failed }) => failed).length,
  };
}
