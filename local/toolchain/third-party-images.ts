import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { localBase } from "../../image-builder/base";
import { contentKey, fileHash } from "../../image-builder/content-key";
import { buildDockerfile, type Report } from "../../image-builder/dockerfile";
import { type BuiltImage, type ImageConfig, layerImage } from "../../image-builder/layout";
import { pushImage } from "../../image-builder/push";
import type { ImageKey } from "../../images/catalogue";
import { exec } from "../../lib/exec";
import { cacheDir, repositoryRoot, stateDir } from "../../lib/paths";

/** How one of the local cluster's third-party images is made. */
interface Recipe {
  /** Its entry in the catalogue; the local cluster's own affairs have none. */
  catalogueKey?: ImageKey;
  /** Go programs that it is made of, from the binaries' folder. */
  binaries?: string[];
  /** Made by running `local/toolchain/third-party-images/<name>/Dockerfile`; otherwise the binaries alone, in `/bin`. */
  dockerfile?: boolean;
  /** Without a root file system below: a static binary that needs nothing. */
  bare?: boolean;
  config?: ImageConfig;
}

const recipes = {
  pause: { binaries: ["pause"], bare: true, config: { Entrypoint: ["/bin/pause"], User: "65535:65535" } },
  coredns: { binaries: ["coredns"], config: { Entrypoint: ["coredns"] } },
  registry: { catalogueKey: "registry", dockerfile: true },
  redis: { catalogueKey: "redis", dockerfile: true },
  mlflow: { catalogueKey: "mlflow", dockerfile: true },
  "argo-workflow-controller": {
    catalogueKey: "argoWorkflowController",
    binaries: ["workflow-controller"],
    config: { Entrypoint: ["workflow-controller"], User: "8737" },
  },
  "argo-exec": { catalogueKey: "argoExec", binaries: ["argoexec"], config: { Entrypoint: ["argoexec"] } },
  "argo-server": {
    catalogueKey: "argoServer",
    binaries: ["argo"],
    config: { Entrypoint: ["argo"], User: "8737", WorkingDir: "/tmp" },
  },
  argocd: { catalogueKey: "argoCd", binaries: ["argocd", "kustomize"], dockerfile: true },
} satisfies Record<string, Recipe>;

export type LocalImageName = keyof typeof recipes;
export const localImageNames = Object.keys(recipes) as LocalImageName[];
const recipeOf = (name: LocalImageName): Recipe => recipes[name];

/** Address of the local cluster's mirror of third-party images, as its nodes know it. */
export const mirrorAddress = "mirror.gourmetgram.local:5001";

const toStandardError: Report = (line) => console.error(line);

/** The Go programs that an image needs in the folder of binaries before it can be built. */
export function neededBinaries(name: LocalImageName): string[] {
  return (recipeOf(name).binaries ?? []).filter((binary) => binary !== "pause");
}

/**
 * Builds third-party images from Debian packages, PyPI and compiled Go programs, for a cluster that can pull nothing.
 * @param binDir Folder of the Go programs, by default the cache's.
 * @param names Default: all. Those whose binaries aren't compiled yet can follow in a later call.
 * @throws If a binary is missing.
 */
export async function buildLocalImages(
  binDir = join(cacheDir(), "bin"),
  names: readonly LocalImageName[] = localImageNames,
  report: Report = toStandardError,
): Promise<Partial<Record<LocalImageName, BuiltImage>>> {
  const built: Partial<Record<LocalImageName, BuiltImage>> = {};
  for (const name of names) {
    const recipe = recipeOf(name);
    const files = await binaryFiles(name, binDir);
    const context = join(repositoryRoot, "local", "toolchain", "third-party-images", name);
    if (recipe.dockerfile) {
      const images = recipe.binaries ? { BINARIES: await binaryImage(`${name}-binaries`, files, {}) } : undefined;
      built[name] = await buildDockerfile({ name, context, base: "local", images }, report);
    } else {
      const inBin = Object.fromEntries(Object.entries(files).map(([path, file]) => [`bin/${path}`, file]));
      built[name] = await binaryImage(name, inBin, recipe.config ?? {}, recipe.bare ? undefined : await localBase());
      report(`${name}: ${built[name].fresh ? "built" : "unchanged"}, ${built[name].digest}`);
    }
  }
  return built;
}

/** One entry of `images.json`: where the local cluster finds an image of the catalogue. */
export interface LocalImage {
  repository: string;
  tag: string;
  digest: string;
}

/**
 * Pushes built images into the local cluster's mirror.
 * @param registry `host:port` at which this process reaches the mirror; plain HTTP.
 * @returns The entries of the catalogue that they stand in for, under the address that the cluster's nodes know.
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

/** Writes `<state>/images.json`, what the stack of the local cluster overrides the catalogue with. */
export async function writeLocalImages(
  entries: Partial<Record<ImageKey, LocalImage>>,
  path = join(stateDir(), "images.json"),
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(entries, null, 2)}\n`);
}

/** What the last {@link writeLocalImages} wrote. @throws where nothing has been written */
export function readLocalImages(path = join(stateDir(), "images.json")): Partial<Record<ImageKey, LocalImage>> {
  if (!existsSync(path)) throw new Error("The local cluster has no images yet: run npm start first.");
  return JSON.parse(readFileSync(path, "utf8")) as Partial<Record<ImageKey, LocalImage>>;
}

async function binaryFiles(name: LocalImageName, binDir: string): Promise<Record<string, string>> {
  const entries = (recipeOf(name).binaries ?? []).map(async (binary) => {
    const path = binary === "pause" ? await compilePause() : join(binDir, binary);
    if (!existsSync(path))
      throw new Error(
        `${binary} for the image ${name} is not in ${binDir} yet: compile it first, then build the image.`,
      );
    return [binary, path];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function binaryImage(
  name: string,
  files: Record<string, string>,
  config: ImageConfig,
  base?: BuiltImage,
): Promise<BuiltImage> {
  const hashes = await Promise.all(
    Object.entries(files).map(async ([path, file]) => `${path}=${await fileHash(file)}`),
  );
  const key = await contentKey([], [...hashes, JSON.stringify(config), base?.digest ?? ""]);
  return layerImage({ name, key, files, config, base });
}

async function compilePause(): Promise<string> {
  const source = join(repositoryRoot, "local", "toolchain", "third-party-images", "pause", "main.go");
  const path = join(cacheDir(), "bin", `pause-${await contentKey([source], [])}`);
  if (!existsSync(path))
    await exec("go", ["build", "-trimpath", "-ldflags=-s -w", "-o", path, source], { env: { CGO_ENABLED: "0" } });
  return path;
}

/** `npx tsx local/toolchain/third-party-images.ts [name ...] [--registry host:port]`: for trying one image by itself. */
async function main(args: string[]): Promise<void> {
  const flag = args.indexOf("--registry");
  const registry = flag < 0 ? undefined : args.splice(flag, 2)[1];
  const built = await buildLocalImages(undefined, args.length ? (args as LocalImageName[]) : undefined);
  if (registry) console.log(JSON.stringify(await pushLocalImages(built, registry), null, 2));
}

if (require.main === module)
  main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message);
    process.exit(1);
  });
