/** Number of the colours of versions, `.hue-0` and so on in styles/tokens.css. */
export const hueCount = 12;

/** Steps by which neighbours lie far apart on the colour circle, and twelve of them in a row all differ. */
const hueStep = 5;

/** X of `1.0.X`; null for anything else, such as the base image. */
export function numberOf(version: string | null): number | null {
  const match = /^1\.0\.(\d{1,9})$/.exec(version ?? "");
  return match ? Number(match[1]) : null;
}

/** The colour of a version, 0 to `hueCount` - 1: the same one everywhere; null for what is no version. */
export function hueOf(version: string | null): number | null {
  const number = numberOf(version);
  return number === null ? null : (number * hueStep) % hueCount;
}

/** The first 12 characters of a hash, without its `sha256:`. */
export const shortHash = (hash: string): string => hash.replace(/^sha256:/, "").slice(0, 12);
