import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, succeeds } from "../lib/exec";
import { cacheDir } from "../lib/paths";
import { type BaseKind, localBase, machineSources } from "./base";
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
  /** Images that the Dockerfile names by an `ARG`. */
  images?: Record<string, BuiltImage>;
}

/** Says what happens, one line a call. */
export type Report = (line: string) => void;

/** Builds an image, unless the cache has it for this very content. */
export async function buildDockerfile(image: DockerfileImage, report: Report): Promise<BuiltImage> {
  const base = image.base === "local" ? await localBase() : undefined;
  const images = { ...(base && { BASE: base }), ...image.images };
  const digests = Object.entries(images).map(([arg, { digest }]) => `${arg}=${digest}`);
  const key = await contentKey([image.context], [image.dockerfile ?? "Dockerfile", image.base, ...digests]);
  const started = Date.now();
  const built = await cachedLayout(image.name, key, async (dir) => {
    report(`${image.name}: building`);
    const progress = (line: string) =>
      /^(\[\d|STEP |#\d+ \[)/.test(line) && report(`${image.name}: ${line.slice(0, 120)}`);
    const build = (await hasDocker(image.base)) ? buildWithDocker : buildWithBuildah;
    await build(image, images, dir, progress);
  });
  report(
    `${image.name}: ${built.fresh ? `built in ${Math.round((Date.now() - started) / 1000)} s` : "unchanged"}, ${built.digest}`,
  );
  return built;
}

/** A local base exists as files alone, which only buildah takes as they are. */
async function hasDocker(base: BaseKind): Promise<boolean> {
  if (base === "published" && (await succeeds("docker", ["info"]))) return true;
  if (await succeeds("buildah", ["--version"])) return false;
  throw new Error(
    "Neither a Docker engine nor buildah is here to build the images: install one of them (`apt-get install buildah`).",
  );
}

async function buildWithDocker(
  image: DockerfileImage,
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
    ["build", "--provenance=false", "--tag", tag, "--file", dockerfile, ...args.flat(), image.context],
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
  images: Record<string, BuiltImage>,
  dir: string,
  progress: Report,
) {
  const settings = await mkdtemp(join(tmpdir(), "gourmetgram-build-"));
  const store = join(cacheDir(), "buildah");
  const [root, state, option] = [join(store, "root"), join(settings, "run"), "overlay.skip_mount_home=true"];
  await mkdir(store, { recursive: true });
  const buildah = (args: string[]) =>
    // In a mount namespace of its own: buildah leaves mounts behind, which would keep the cache from being deleted.
    exec("unshare", ["--mount", "buildah", "--root", root, "--runroot", state, "--storage-opt", option, ...args], {
      // Chroot isolation asks for no privilege beyond root's own, so it works inside containers and virtual machines alike.
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
      // buildah itself takes no OCI layout below a folder whose name begins with a dot.
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
    await buildah(["bud", "--layers", "--tag", tag, "--file", dockerfile, ...volumes, ...args, context]);
    // Without compression: these layers travel over loopback only, where it would cost more time than it saves.
    await buildah(["push", ...(image.base === "local" ? ["--disable-compression"] : []), tag, `oci:${dir}:latest`]);
  } finally {
    await rm(settings, { recursive: true });
  }
}

/** How this machine reaches its package registries, lent to the build by mounts so that no image keeps it. */
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
