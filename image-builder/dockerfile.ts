import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { exec } from "../lib/exec";
import { cacheDir } from "../lib/paths";
import { machineArchitecture } from "./architecture";
import { type BaseKind, localBase, machineSources } from "./base";
import { hasDocker } from "./builder";
import { contentKey } from "./content-key";
import { type BuiltImage, cachedLayout } from "./layout";

/** An image made from a Dockerfile. */
export interface DockerfileImage {
  /** Short name: of the folder in the cache and of the progress lines. */
  name: string;
  /** Folder of the Dockerfile, its build context. */
  context: string;
  /** Name of the Dockerfile in `context`; default `Dockerfile`. */
  dockerfile?: string;
  base: BaseKind;
  /** Architecture, as Kubernetes names it; default this machine's. See `refuseUnbuildable` for what it needs. */
  architecture?: string;
  /** Images that the Dockerfile names by an `ARG`. */
  images?: Record<string, BuiltImage>;
  /** Files and folders from elsewhere that the Dockerfile copies by `--from=<name>`: their paths, by name. */
  from?: Record<string, string[]>;
}

/** Reports progress, one line a call. */
export type Report = (line: string) => void;

/** Builds an image, unless the cache has it for the same content. */
export async function buildDockerfile(image: DockerfileImage, report: Report): Promise<BuiltImage> {
  const base = image.base === "local" ? await localBase() : undefined;
  const images = { ...(base && { BASE: base }), ...image.images };
  const digests = Object.entries(images).map(([arg, { digest }]) => `${arg}=${digest}`);
  const others = Object.values(image.from ?? {}).flat();
  const texts = [image.dockerfile ?? "Dockerfile", image.base, ...platform(image), ...digests];
  const key = await contentKey([image.context, ...others], texts);
  const started = Date.now();
  const built = await cachedLayout(image.name, key, async (dir) => {
    report(`${image.name}: building`);
    const progress = (line: string) => {
      if (/^(\[\d|STEP |#\d+ \[)/.test(line)) report(`${image.name}: ${line.slice(0, 120)}`);
    };
    const build = (await hasDocker(image.base)) ? buildWithDocker : buildWithBuildah;
    await withContexts(image, (contexts) => build(image, contexts, images, dir, progress));
  });
  const outcome = built.fresh ? `built in ${Math.round((Date.now() - started) / 1000)} s` : "unchanged";
  report(`${image.name}: ${outcome}, ${built.digest}`);
  return built;
}

/** The option that names the platform, for another architecture than this machine's. */
const platform = ({ architecture = machineArchitecture() }: DockerfileImage): string[] =>
  architecture === machineArchitecture() ? [] : [`--platform=linux/${architecture}`];

/** Copies what is from elsewhere into build contexts of their own. @param use gets the options that name these */
async function withContexts(image: DockerfileImage, use: (options: string[]) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-contexts-"));
  try {
    for (const [name, paths] of Object.entries(image.from ?? {}))
      for (const path of paths) await cp(path, join(folder, name, basename(path)), { recursive: true });
    await use(Object.keys(image.from ?? {}).flatMap((name) => ["--build-context", `${name}=${join(folder, name)}`]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function buildWithDocker(
  image: DockerfileImage,
  contexts: string[],
  images: Record<string, BuiltImage>,
  dir: string,
  progress: Report,
) {
  const tag = `gourmetgram-build/${image.name}:latest`;
  const args = await Promise.all(
    Object.entries(images).map(async ([arg, { layout }]) => {
      const loaded = `gourmetgram-build/${arg.toLowerCase()}:latest`;
      const id = await loadIntoDocker(layout);
      await exec("docker", ["tag", id, loaded]);
      return ["--build-arg", `${arg}=${loaded}`];
    }),
  );
  const dockerfile = join(image.context, image.dockerfile ?? "Dockerfile");
  await exec(
    "docker",
    [
      "build",
      "--provenance=false",
      ...platform(image),
      "--tag",
      tag,
      "--file",
      dockerfile,
      ...contexts,
      ...args.flat(),
      image.context,
    ],
    { onLine: progress },
  );
  const archive = join(dir, "image.tar");
  await exec("docker", ["save", "--output", archive, tag]);
  await exec("tar", ["-C", dir, "-xf", archive]);
  await rm(archive);
  if (!existsSync(join(dir, "oci-layout")))
    throw new Error("`docker save` wrote no OCI layout: update Docker to 25 or newer, or install buildah.");
}

async function loadIntoDocker(layout: string): Promise<string> {
  const archive = await mkdtemp(join(tmpdir(), "gourmetgram-image-"));
  try {
    await exec("tar", ["-C", layout, "-cf", join(archive, "image.tar"), "."]);
    const loaded = await exec("docker", ["load", "--input", join(archive, "image.tar")]);
    return loaded.trim().split(/:\s+/).pop()!;
  } finally {
    await rm(archive, { recursive: true });
  }
}

async function buildWithBuildah(
  image: DockerfileImage,
  contexts: string[],
  images: Record<string, BuiltImage>,
  dir: string,
  progress: Report,
) {
  const settings = await mkdtemp(join(tmpdir(), "gourmetgram-build-"));
  const store = join(cacheDir(), "buildah");
  const [root, state, option] = [join(store, "root"), join(settings, "run"), "overlay.skip_mount_home=true"];
  await mkdir(store, { recursive: true });
  const buildah = (args: string[]) =>
    // buildah leaves mounts behind, which would prevent the deletion of the cache. So it gets its own mount namespace.
    exec("unshare", ["--mount", "buildah", "--root", root, "--runroot", state, "--storage-opt", option, ...args], {
      // Chroot isolation needs no privilege beyond root's, so it works inside containers and virtual machines.
      env: { BUILDAH_ISOLATION: "chroot", STORAGE_DRIVER: "overlay" },
      onLine: progress,
    });
  try {
    const context = join(settings, "context");
    await cp(image.context, context, { recursive: true, filter: (path) => !path.endsWith("__pycache__") });
    const tag = `localhost/gourmetgram-${image.name}`;
    const volumes = await clientSettings(settings, image.base);
    const args: string[] = [];
    for (const [arg, { layout, digest }] of Object.entries(images)) {
      const name = `localhost/gourmetgram-${arg.toLowerCase()}:${digest.slice("sha256:".length)}`;
      // buildah reads no OCI layout below a folder whose name begins with a dot, so skopeo copies it.
      const stored = await buildah(["inspect", "--type", "image", name]).then(
        () => true,
        () => false,
      );
      if (!stored)
        await exec("unshare", [
          "--mount",
          "skopeo",
          "copy",
          "--quiet",
          `oci:${layout}:latest`,
          `containers-storage:[overlay@${root}+${state}:${option}]${name}`,
        ]);
      args.push("--build-arg", `${arg}=${name}`);
    }
    const dockerfile = join(context, image.dockerfile ?? "Dockerfile");
    const options = ["--layers", ...platform(image), "--tag", tag, "--file", dockerfile];
    await buildah(["bud", ...options, ...contexts, ...volumes, ...args, context]);
    // These layers pass only over loopback, where compression would cost more time than it saves.
    await buildah(["push", ...(image.base === "local" ? ["--disable-compression"] : []), tag, `oci:${dir}:latest`]);
  } finally {
    await rm(settings, { recursive: true });
  }
}

/** Mounts of this machine's package registry settings for the build, so that no image keeps them. */
async function clientSettings(dir: string, base: BaseKind): Promise<string[]> {
  const certificates = "/etc/ssl/certs/ca-certificates.crt";
  const volumes = existsSync(certificates) ? [`${certificates}:${certificates}:ro`] : [];
  const listed = await exec("python3", ["-m", "pip", "config", "list"]).catch(() => "");
  const pip = new Map(
    [...listed.matchAll(/^(?:global|:env:|install)\.([\w-]+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  );
  if (pip.has("cert")) pip.set("cert", certificates);
  pip.delete("find-links");
  await writeFile(
    join(dir, "pip.conf"),
    ["[global]", ...[...pip].map(([name, value]) => `${name} = ${value}`), ""].join("\n"),
  );
  volumes.push(`${join(dir, "pip.conf")}:/etc/pip.conf:ro`);
  if (base === "local") {
    await writeFile(join(dir, "sources.list"), await machineSources());
    volumes.push(`${join(dir, "sources.list")}:/etc/apt/sources.list:ro`);
    if (existsSync("/etc/apt/auth.conf.d")) volumes.push("/etc/apt/auth.conf.d:/etc/apt/auth.conf.d:ro");
  }
  return volumes.flatMap((volume) => ["--volume", volume]);
}
