import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../lib/paths";

const file = () => join(stateDir(), "urls.json");

/** Addresses of environments and UIs, by name, as the last starts recorded them. */
export function knownUrls(): Record<string, string> {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Record<string, string>) : {};
}

/**
 * Records the addresses for `npm run status`, which does not ask Pulumi.
 * @param isPlatform whether these are all addresses; otherwise they are added to the recorded ones
 */
export function recordUrls(urls: Record<string, string>, isPlatform: boolean): void {
  mkdirSync(stateDir(), { recursive: true });
  writeFileSync(file(), `${JSON.stringify({ ...(isPlatform ? {} : knownUrls()), ...urls }, null, 2)}\n`);
}
