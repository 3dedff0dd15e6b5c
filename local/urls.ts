import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../lib/paths";

const file = () => join(stateDir(), "urls.json");

/** Addresses of environments and pages, by name, that the last starts wrote down. */
export function knownUrls(): Record<string, string> {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Record<string, string>) : {};
}

/** Writes them down for `npm run status`, which asks no Pulumi. @param isPlatform whether they are all; those of environments alone are added */
export function recordUrls(urls: Record<string, string>, isPlatform: boolean): void {
  mkdirSync(stateDir(), { recursive: true });
  writeFileSync(file(), `${JSON.stringify({ ...(isPlatform ? {} : knownUrls()), ...urls }, null, 2)}\n`);
}
