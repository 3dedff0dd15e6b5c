import { contentKey } from "../../../image-builder/content-key";
import { craneOnline } from "../../../image-builder/crane";
import { type BuiltImage, cachedLayout, findLayout } from "../../../image-builder/layout";
import type { CatalogueImage } from "../../../images/catalogue";
import { type LocalImageName, localImageNames, officialImage } from "./recipes";

const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
const keyOf = (digest: string) => contentKey([], ["pulled", digest, platform]);

/** The official image in the cache, if it has been pulled by the digest that it has today. */
export async function pulledImage(name: string, { digest }: CatalogueImage): Promise<BuiltImage | undefined> {
  return digest ? findLayout(name, await keyOf(digest)) : undefined;
}

/** The images that have been pulled. */
export async function pulledImages(): Promise<Set<LocalImageName>> {
  const found = await Promise.all(
    localImageNames.map(async (name) => ((await pulledImage(name, officialImage(name))) ? [name] : [])),
  );
  return new Set(found.flat());
}

/**
 * Pulls an image by its digest into the cache. Of an image for several platforms only this machine's is pulled, so the
 * result has a digest of its own.
 * @param seconds that it may take: an image of 400 MB needs 10 minutes at 0.7 MB a second
 * @throws DownloadError with crane's reason, such as another digest, or that it took too long
 */
export async function pullImage(
  name: string,
  { repository }: CatalogueImage,
  digest: string,
  seconds = 600,
): Promise<BuiltImage> {
  return cachedLayout(name, await keyOf(digest), async (folder) => {
    const reference = `${repository}@${digest}`;
    await craneOnline(["pull", "--format=oci", `--platform=${platform}`, reference, folder], seconds);
  });
}
