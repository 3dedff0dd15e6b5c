import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildBoard } from "../board/build";
import { machineArchitecture, refuseUnbuildable } from "../image-builder/architecture";
import { type BaseKind, baseKind } from "../image-builder/base";
import { contentKey, fileHash } from "../image-builder/content-key";
import { buildDockerfile, type Report } from "../image-builder/dockerfile";
import { goTool } from "../image-builder/go-tool";
import { type BuiltImage, layerImage } from "../image-builder/layout";
import { pinDigests, type Tagged } from "../image-builder/pin-digests";
import { explainPush, pushImage, tagByContent } from "../image-builder/push";
import { baseImages } from "../images/base-images";
import {
  type BuiltImageKey,
  builtImageKeys,
  catalogue,
  imageKeys,
  isBuiltImage,
  registryAddress,
} from "../images/catalogue";
import { digestsPath } from "../images/digests";
import { connectTo } from "../lib/connect";
import { runMain } from "../lib/main";
import { repositoryRoot, toolPath } from "../lib/paths";
import { readPins, writePins } from "../lib/pins";
import { withPortForward } from "../lib/port-forward";
import { k3dNode } from "../local/docker-cluster/k3d";
import { kindNode } from "../local/docker-cluster/kind";
import { localImageNames, officialImage } from "../local/toolchain/third-party-images/recipes";
import { nodeArchitecture } from "../stacks/node-architecture";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run images -- [build|push|pin] [${builtImageKeys.join("|")} ...]
       [--registry host:port] [--tls] [--base local|published] [--architecture amd64|arm64] [--json]`;

/** How the project's images are built and pushed. */
export interface ImageOptions {
  /** Default: `GOURMETGRAM_IMAGE_BASE`, else `published` where a Docker engine answers, else `local`. */
  base?: BaseKind;
  /** Architecture of the images, as Kubernetes names it; default this machine's. */
  architecture?: string;
  /** Registry with TLS; default false, plain HTTP. */
  tls?: boolean;
  /** Takes the progress lines; default standard error. */
  report?: Report;
}

const toStandardError: Report = (line) => console.error(line);

/**
 * Builds the project's images, each once for its content: OCI layouts in `<cache>/images/<key>-<hash>/`.
 * @param keys Default: all of them.
 */
export async function buildImages(
  keys: readonly BuiltImageKey[] = builtImageKeys,
  { base, architecture, report = toStandardError }: ImageOptions = {},
): Promise<Partial<Record<BuiltImageKey, BuiltImage>>> {
  const kind = base ?? (await baseKind());
  const built: Partial<Record<BuiltImageKey, BuiltImage>> = {};
  for (const key of keys) {
    const images = key === "tools" ? { BINARIES: await binaries(kind, architecture, report) } : undefined;
    built[key] = await withOtherFiles(key, (from) =>
      buildDockerfile({ name: key, context: folder(key), base: kind, architecture, images, from }, report),
    );
  }
  return built;
}

/**
 * Builds and pushes the project's images under the catalogue's repositories and tags.
 * @param registry `host:port` at which this machine reaches the pipeline's registry.
 * @returns The digest of each: what Pulumi hands to the pipeline.
 * @throws If an image cannot be built or pushed; where the registry's volume is full, what makes room.
 */
export async function pushImages(
  keys: readonly BuiltImageKey[],
  registry: string,
  options: ImageOptions = {},
): Promise<Partial<Record<BuiltImageKey, string>>> {
  const built = await buildImages(keys, options);
  const digests: Partial<Record<BuiltImageKey, string>> = {};
  for (const key of keys) {
    const { repository, tag } = catalogue[key];
    const reference = `${repository.replace(registryAddress, registry)}:${tag}`;
    try {
      await pushImage(built[key]!, reference, !options.tls);
      // After the tag that moves: a collection deletes what has a tag of this kind alone.
      await tagByContent(built[key]!, reference, !options.tls);
    } catch (error) {
      throw explainPush(error);
    }
    (options.report ?? toStandardError)(`${key}: in ${reference}`);
    digests[key] = built[key]!.digest;
  }
  return digests;
}

/** Runs `use` with what an image copies from elsewhere: paths, by the name that its Dockerfile has for them. */
async function withOtherFiles<T>(
  key: BuiltImageKey,
  use: (from: Record<string, string[]> | undefined) => Promise<T>,
): Promise<T> {
  if (key === "train") return use({ app: [join(folder("app"), "features.py")] });
  if (key !== "board") return use(undefined);
  const built = await mkdtemp(join(tmpdir(), "gourmetgram-board-"));
  try {
    await buildBoard(built);
    return await use({ board: [join(built, "server.js"), join(built, "page")] });
  } finally {
    await rm(built, { recursive: true });
  }
}

function folder(key: BuiltImageKey): string {
  return join(repositoryRoot, "images", key);
}

/** The image from which the tools image copies its binaries. */
async function binaries(base: BaseKind, architecture: string | undefined, report: Report): Promise<BuiltImage> {
  if (base === "published")
    return buildDockerfile(
      { name: "binaries", context: folder("tools"), dockerfile: "binaries.Dockerfile", base, architecture },
      report,
    );
  const kubectl = toolPath("kubectl");
  if (!existsSync(kubectl))
    throw new Error("kubectl is not in the cache yet: run `npm start`, which compiles it, then try again.");
  const files = { crane: await goTool("crane"), hey: await goTool("hey"), kubectl };
  const key = await contentKey([], await Promise.all(Object.values(files).map(fileHash)));
  return layerImage({ name: "binaries", key, files });
}

/**
 * Reaches the pipeline's registry through the API server of the stack's cluster, whose nodes must run the images.
 * @param use gets `host:port` of the registry, and the architecture of the nodes
 */
async function withPipelineRegistry<T>(use: (registry: string, architecture: string) => Promise<T>): Promise<T> {
  const context = process.env.GOURMETGRAM_CONTEXT;
  const cluster = context ? connectTo(context) : connect();
  const architecture = await nodeArchitecture(cluster);
  await refuseUnbuildable(architecture);
  return withPortForward(cluster, "kube-system", "app=registry", 5000, (port) =>
    use(`127.0.0.1:${port}`, architecture),
  );
}

/**
 * Compares every upstream image with its registry, and writes the digests: those of the catalogue, of the local
 * cluster, of the nodes of kind and k3d, and of the Dockerfiles, which then have to repeat a new one.
 * @returns exit code 1 if an image could not be looked up
 */
async function pin(): Promise<number> {
  const upstream = new Map<string, Tagged>();
  const ofCatalogue = imageKeys.filter((key) => !isBuiltImage(key)).map((key) => catalogue[key]);
  for (const image of [...ofCatalogue, ...localImageNames.map(officialImage), ...baseImages, kindNode, k3dNode])
    upstream.set(`${image.repository}:${image.tag}`, image);
  const before = Object.entries(readPins(digestsPath)).filter(([key]) => upstream.has(key));
  const { pins, lines, failures } = await pinDigests([...upstream.values()], Object.fromEntries(before));
  writePins(digestsPath, pins);
  console.log(lines.join("\n"));
  return failures > 0 ? 1 : 0;
}

const digestsOf = (built: Partial<Record<BuiltImageKey, BuiltImage>>) =>
  Object.fromEntries(Object.entries(built).map(([key, { digest }]) => [key, digest]));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      registry: { type: "string" },
      tls: { type: "boolean", default: false },
      base: { type: "string" },
      architecture: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals[0] === "pin") return pin();
  const action = positionals[0] === "push" || positionals[0] === "build" ? positionals.shift() : "build";
  const unknown = positionals.find((key) => !builtImageKeys.includes(key as BuiltImageKey));
  if (unknown)
    throw new Error(
      `"${unknown}" is not an image of this project: name ${builtImageKeys.join(", ")}, or none for all.`,
    );
  const keys = positionals.length ? (positionals as BuiltImageKey[]) : [...builtImageKeys];
  if (values.base) process.env.GOURMETGRAM_IMAGE_BASE = values.base;
  const push = (registry: string, architecture: string) =>
    pushImages(keys, registry, { tls: values.tls, architecture });
  const isForNodes = action === "push" && !values.registry;
  if (isForNodes && values.architecture)
    throw new Error("--architecture is for build and for --registry: the images of a cluster are built for its nodes.");
  const architecture = values.architecture ?? machineArchitecture();
  if (!isForNodes) await refuseUnbuildable(architecture);
  const digests =
    action === "push"
      ? await (values.registry ? push(values.registry, architecture) : withPipelineRegistry(push))
      : digestsOf(await buildImages(keys, { architecture }));
  if (values.json) console.log(JSON.stringify(digests));
  return 0;
}

if (require.main === module) runMain(main);
