import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exec } from "../lib/exec";
import { cacheDir } from "../lib/paths";
import { fileHash } from "./content-key";

/** An image on disk. */
export interface BuiltImage {
  /** OCI layout directory, in the cache. */
  readonly layout: string;
  /** Digest of the image's manifest: `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** Whether this call built it. Otherwise it was in the cache. */
  readonly fresh: boolean;
}

/** What a container of the image runs, as in the OCI image configuration. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
}

/** An image made from files, without running anything. */
export interface LayerImageOptions {
  /** Short name, for the folder in the cache. */
  name: string;
  /** Key of the content. The same key is never built twice. */
  key: string;
  /** Image to put the layer on; none by default. */
  base?: BuiltImage;
  /** Path in the image → file on this machine; the executable bit is kept. */
  files?: Record<string, string>;
  /** A whole layer as an uncompressed tar instead of `files`; called only if it is needed. */
  tar?: (path: string) => Promise<void>;
  config?: ImageConfig;
}

/**
 * Makes a folder of the cache once: `make` fills a temporary one, which then takes the final name,
 * so an interrupted build leaves nothing that looks finished.
 */
export async function cachedLayout(
  name: string,
  key: string,
  make: (dir: string) => Promise<void>,
): Promise<BuiltImage> {
  const layout = layoutPath(name, key);
  const fresh = !existsSync(layout);
  if (fresh) {
    const unfinished = `${layout}.${process.pid}`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    try {
      await make(unfinished);
      await rename(unfinished, layout).catch((error) => {
        // Another process finished the same content first.
        if (!existsSync(layout)) throw error;
      });
      await removeOlder(name, key);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return { layout, digest: await layoutDigest(layout), fresh };
}

/** An image of the cache, if {@link cachedLayout} has made it. */
export async function findLayout(name: string, key: string): Promise<BuiltImage | undefined> {
  const layout = layoutPath(name, key);
  return existsSync(layout) ? { layout, digest: await layoutDigest(layout), fresh: false } : undefined;
}

const layoutPath = (name: string, key: string) => join(cacheDir(), "images", `${name}-${key}`);

/** Keeps only the last image of a name, since an image of a gigabyte for each change would fill the disk. */
async function removeOlder(name: string, key: string): Promise<void> {
  const images = join(cacheDir(), "images");
  const older = (await readdir(images)).filter(
    (entry) => entry !== `${name}-${key}` && entry.replace(/-[0-9a-f]{16}$/, "") === name,
  );
  for (const entry of older) await rm(join(images, entry), { recursive: true, force: true });
}

/** Digest of the one image in an OCI layout. */
async function layoutDigest(layout: string): Promise<string> {
  const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
  if (manifests.length !== 1)
    throw new Error(`${layout} holds ${manifests.length} images instead of one: delete it and build again.`);
  return manifests[0].digest;
}

/** Makes an image by adding one layer of files. Deterministic: the same files give the same digest. */
export async function layerImage(options: LayerImageOptions): Promise<BuiltImage> {
  return cachedLayout(options.name, options.key, async (dir) => {
    const blobs = join(dir, "blobs", "sha256");
    await mkdir(blobs, { recursive: true });
    const tar = join(dir, "layer.tar");
    await (options.tar ?? ((path) => tarFiles(options.files ?? {}, path)))(tar);
    const layerHash = await fileHash(tar);
    const layer = {
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: `sha256:${layerHash}`,
      size: (await stat(tar)).size,
    };
    await rename(tar, join(blobs, layerHash));

    const base = options.base
      ? await readBase(options.base, blobs)
      : { config: {}, diffIds: [], layers: [], history: [] };
    const config = await writeBlob(blobs, "application/vnd.oci.image.config.v1+json", {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { ...base.config, ...options.config },
      rootfs: { type: "layers", diff_ids: [...base.diffIds, layer.digest] },
      // buildah refuses a base whose history counts fewer layers than there are.
      history: [...base.history, { created_by: `gourmetgram ${options.name}` }],
    });
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = await writeBlob(blobs, mediaType, {
      schemaVersion: 2,
      mediaType,
      config,
      layers: [...base.layers, layer],
    });
    const annotations = { "org.opencontainers.image.ref.name": "latest" };
    await writeFile(
      join(dir, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
    );
    await writeFile(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  });
}

async function tarFiles(files: Record<string, string>, tar: string): Promise<void> {
  const stage = `${tar}.stage`;
  await mkdir(stage);
  for (const [path, source] of Object.entries(files)) {
    const target = join(stage, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
    await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
  }
  await exec("tar", [
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mtime=@0",
    "--mode=go-w,go+rX",
    "-C",
    stage,
    "-cf",
    tar,
    ".",
  ]);
  await rm(stage, { recursive: true });
}

interface Base {
  config: ImageConfig;
  diffIds: string[];
  layers: object[];
  history: object[];
}

async function readBase(base: BuiltImage, blobs: string): Promise<Base> {
  const from = (digest: string) => join(base.layout, "blobs", "sha256", digest.slice("sha256:".length));
  const manifest = JSON.parse(await readFile(from(base.digest), "utf8"));
  const config = JSON.parse(await readFile(from(manifest.config.digest), "utf8"));
  for (const { digest } of manifest.layers) await link(from(digest), join(blobs, digest.slice("sha256:".length)));
  return {
    config: config.config ?? {},
    diffIds: config.rootfs.diff_ids,
    layers: manifest.layers,
    history: config.history,
  };
}

async function writeBlob(blobs: string, mediaType: string, content: object) {
  const text = JSON.stringify(content);
  const hash = createHash("sha256").update(text).digest("hex");
  await writeFile(join(blobs, hash), text);
  return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) };
}
