import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { remedyOf } from "../../client/volumes";
import { ownedVolumes } from "../../components/shared/volumes";
import { fileHash } from "../../image-builder/content-key";
import { catalogue, registryAddress } from "../../images/catalogue";
import type { Cluster } from "../../lib/kube-client";
import { withPortForward } from "../../lib/port-forward";
import { type BackupFile, imagesFolder } from "./manifest";
import { type Descriptor, Repository } from "./registry";

const [, registryNamespace] = registryAddress.split(".");
const registryPort = Number(registryAddress.split(":")[1]);

/** Runs `use` with the repository of the app's images. */
export const withAppRepository = <T>(cluster: Cluster, use: (repository: Repository) => Promise<T>): Promise<T> =>
  withPortForward(cluster, registryNamespace, "app=registry", registryPort, (port) => {
    const name = catalogue.app.repository.slice(registryAddress.length + 1);
    return use(new Repository(`http://127.0.0.1:${port}`, name, cluster.kubectl));
  });

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

/** What one run of {@link saveImages} saved. */
export interface SavedImages {
  readonly files: BackupFile[];
  /** Digests that the registry no longer has. */
  readonly lost: string[];
}

/**
 * Saves images as one OCI layout. A blob that an interrupted run has fetched is not fetched again.
 * @param names digest → name of the image in the layout, for people
 * @param folder folder of the backup
 */
export async function saveImages(
  repository: Repository,
  names: ReadonlyMap<string, string>,
  folder: string,
  tell: (doing: string) => void,
): Promise<SavedImages> {
  const blobs = join(folder, imagesFolder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  const files = new Map<string, BackupFile>();
  const keep = (path: string, bytes: number, sha256: string) => files.set(path, { path, bytes, sha256 });
  const write = async (path: string, text: Buffer | string) => {
    const target = join(folder, imagesFolder, path);
    await writeFile(target, text, { mode: 0o600 });
    keep(`${imagesFolder}/${path}`, (await stat(target)).size, await fileHash(target));
  };
  const index: object[] = [];
  const lost: string[] = [];
  for (const [digest, name] of names) {
    tell(name);
    const found = await repository.manifest(digest);
    if (!found) {
      lost.push(digest);
      continue;
    }
    const { config, layers } = JSON.parse(found.content.toString()) as Manifest;
    for (const blob of [config, ...layers]) {
      const sha256 = hexOf(blob.digest);
      const path = join(blobs, sha256);
      const isThere = existsSync(path) && (await stat(path)).size === blob.size && (await fileHash(path)) === sha256;
      if (!isThere) await repository.fetchBlob(blob, path);
      keep(`${imagesFolder}/blobs/sha256/${sha256}`, blob.size, sha256);
    }
    await write(`blobs/sha256/${hexOf(digest)}`, found.content);
    const annotations = { "org.opencontainers.image.ref.name": name };
    index.push({ mediaType: found.mediaType, digest, size: found.content.length, annotations });
  }
  await write("index.json", JSON.stringify({ schemaVersion: 2, manifests: index }));
  await write("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return { files: [...files.values()], lost };
}

/**
 * Pushes the images of a backup whose files are checked, each by its digest. What the registry has is not pushed again.
 * @param free bytes that are free on the registry's volume, as far as it is known
 * @returns the numbers of images, and of those of which something was missing
 * @throws if there is no room for what is missing
 */
export async function pushImages(
  repository: Repository,
  folder: string,
  tell: (doing: string) => void,
  free = Number.POSITIVE_INFINITY,
): Promise<{ images: number; pushed: number }> {
  const layout = join(folder, imagesFolder);
  const fileOf = (digest: string) => join(layout, "blobs", "sha256", hexOf(digest));
  const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    manifests: (Descriptor & { annotations: Record<string, string> })[];
  };
  const images = await Promise.all(
    manifests.map(async (image) => {
      const content = await readFile(fileOf(image.digest));
      const { config, layers } = JSON.parse(content.toString()) as Manifest;
      return { image, content, blobs: [config, ...layers] };
    }),
  );
  const missing = new Map<string, Descriptor>();
  for (const { digest, ...rest } of images.flatMap(({ blobs }) => blobs))
    if (!missing.has(digest) && !(await repository.hasBlob(digest))) missing.set(digest, { digest, ...rest });
  const needed = [...missing.values()].reduce((sum, { size }) => sum + size, 0);
  if (needed > free)
    throw new Error(
      `the registry's volume has ${Math.floor(free / MiB)} MiB free, ` +
        `and the images need ${Math.ceil(needed / MiB)} MiB: ` +
        remedyOf({ ...ownedVolumes.registry, growth: null }),
    );
  let pushed = 0;
  for (const { image, content, blobs } of images) {
    tell(image.annotations["org.opencontainers.image.ref.name"]);
    const lacking = blobs.filter(({ digest }) => missing.delete(digest));
    for (const blob of lacking) await repository.pushBlob(blob, fileOf(blob.digest));
    await repository.pushManifest(image, content);
    pushed += lacking.length > 0 ? 1 : 0;
  }
  return { images: images.length, pushed };
}

const MiB = 2 ** 20;
const hexOf = (digest: string): string => digest.slice("sha256:".length);
