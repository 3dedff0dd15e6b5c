import type { BuiltImage } from "../../../image-builder/layout";
import { pushImage } from "../../../image-builder/push";
import type { ImageKey } from "../../../images/catalogue";
import { mirrorPort } from "../../../lib/local-ports";
import type { LocalImage } from "./images-file";
import { type LocalImageName, recipeOf } from "./recipes";

/** Address of the mirror, as the cluster's nodes know it. */
export const mirrorAddress = `mirror.gourmetgram.local:${mirrorPort}`;

/**
 * Pushes built images into the local cluster's mirror.
 * @param registry `host:port` at which this process reaches the mirror by plain HTTP
 * @returns the entries of the catalogue that they replace, under the address that the cluster's nodes know
 */
export async function pushLocalImages(
  built: Partial<Record<LocalImageName, BuiltImage>>,
  registry: string,
  address = mirrorAddress,
): Promise<Partial<Record<ImageKey, LocalImage>>> {
  const entries: Partial<Record<ImageKey, LocalImage>> = {};
  for (const name of Object.keys(built) as LocalImageName[]) {
    const image = built[name]!;
    await pushImage(image, `${registry}/${name}:local`, true);
    const { catalogueKey } = recipeOf(name);
    if (catalogueKey) entries[catalogueKey] = { repository: `${address}/${name}`, tag: "local", digest: image.digest };
  }
  return entries;
}
