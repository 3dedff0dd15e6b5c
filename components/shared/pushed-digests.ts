import type { BuiltImageKey } from "../../images/catalogue";

/** The digest of each image, as `npm run images -- push --json` prints them in its last line. */
export const pushedDigests = (output: string): Record<BuiltImageKey, string> =>
  JSON.parse(output.trim().split("\n").at(-1)!) as Record<BuiltImageKey, string>;
