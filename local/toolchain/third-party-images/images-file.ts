import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageKey } from "../../../images/catalogue";
import { missingFileRemedy } from "../../../lib/as-root";
import { stateDir } from "../../../lib/paths";
import { readWhole, writeWhole } from "../../../lib/whole-file";

/** One entry of `images.json`: where the local cluster finds an image of the catalogue. */
export interface LocalImage {
  repository: string;
  tag: string;
  digest: string;
}

/** Writes `<state>/images.json`, with which the stack of the local cluster overrides the catalogue. */
export async function writeLocalImages(
  entries: Partial<Record<ImageKey, LocalImage>>,
  path = join(stateDir(), "images.json"),
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  writeWhole(path, `${JSON.stringify(entries, null, 2)}\n`);
}

/** What the last {@link writeLocalImages} wrote. @throws where nothing has been written */
export function readLocalImages(path = join(stateDir(), "images.json")): Partial<Record<ImageKey, LocalImage>> {
  const images = readWhole(path);
  if (images === undefined) throw new Error(`The local cluster has no images yet: ${missingFileRemedy()}.`);
  return images as Partial<Record<ImageKey, LocalImage>>;
}
