/** Every container image that the pipeline runs. No other file names an image, not even a workflow. */

import { pinnedDigest } from "./digests";
import { mlflowVersion } from "./mlflow-version";

/** One image: its repository, the tag for people, and the digest that decides what runs. */
export interface CatalogueImage {
  /** Registry host and repository, without tag: `quay.io/argoproj/argocd`. */
  readonly repository: string;
  /** Tag, for people. */
  readonly tag: string;
  /**
   * `sha256:` and 64 hex digits, or `null` if it is not known. A built image then gets its digest from the build.
   * That of an upstream image is in `pinned-digests.json`: `npm run images -- pin` writes it there.
   */
  readonly digest: string | null;
}

/** Port of the pipeline's own registry. */
export const registryPort = 5000;
/** Address of the pipeline's own registry inside the cluster. The lab's documents prescribe it. */
export const registryAddress = `registry.kube-system.svc.cluster.local:${registryPort}`;

/** Images built from the folders beside this file, by `npm run images`. */
export const builtImageKeys = ["app", "train", "tools", "board"] as const;
export type BuiltImageKey = (typeof builtImageKeys)[number];

const builtImage = (repository: string, tag: string): CatalogueImage => ({
  repository: `${registryAddress}/${repository}`,
  tag,
  digest: null,
});

const upstreamImage = (repository: string, tag: string): CatalogueImage => ({
  repository,
  tag,
  // Read anew each time: `npm start` may just have written it.
  get digest() {
    return pinnedDigest(repository, tag);
  },
});

export const catalogue = {
  app: builtImage("gourmetgram-app", "base"),
  train: builtImage("gourmetgram-train", "latest"),
  tools: builtImage("gourmetgram-tools", "latest"),
  board: builtImage("gourmetgram-board", "latest"),
  registry: upstreamImage("docker.io/library/registry", "2.8.3"),
  // The full one has the drivers for PostgreSQL and S3.
  mlflow: upstreamImage("ghcr.io/mlflow/mlflow", `v${mlflowVersion}-full`),
  postgres: upstreamImage("docker.io/library/postgres", "15.18-bookworm"),
  versitygw: upstreamImage("docker.io/versity/versitygw", "v1.8.0"),
  argoWorkflowController: upstreamImage("quay.io/argoproj/workflow-controller", "v3.7.18"),
  argoExec: upstreamImage("quay.io/argoproj/argoexec", "v3.7.18"),
  argoServer: upstreamImage("quay.io/argoproj/argocli", "v3.7.18"),
  argoCd: upstreamImage("quay.io/argoproj/argocd", "v3.2.6"),
  redis: upstreamImage("docker.io/library/redis", "8.2.2-alpine"),
  contour: upstreamImage("ghcr.io/projectcontour/contour", "v1.33.0"),
  envoy: upstreamImage("docker.io/envoyproxy/envoy", "distroless-v1.35.2"),
  prometheus: upstreamImage("docker.io/prom/prometheus", "v3.16.0"),
} as const satisfies Record<string, CatalogueImage>;

export type ImageKey = keyof typeof catalogue;
export const imageKeys = Object.keys(catalogue) as ImageKey[];

/** What a stack may set of one image. The catalogue gives the rest. */
export type ImageOverride = Partial<CatalogueImage>;

/** The catalogue as one stack sees it. No mirror moves a built image: it is in the pipeline's registry. */
export type Images = Record<ImageKey, CatalogueImage>;

/**
 * Applies a stack's overrides, and its mirror to every upstream image that no override moves:
 * `quay.io/argoproj/argocd` becomes `<mirror>/argoproj/argocd`.
 */
export function resolveImages(overrides: Partial<Record<ImageKey, ImageOverride>>, mirror?: string): Images {
  const entries = imageKeys.map((key) => {
    const upstream: CatalogueImage = catalogue[key];
    const mirrored =
      mirror && !isBuiltImage(key) ? { ...upstream, repository: withoutHost(upstream.repository, mirror) } : upstream;
    return [key, { ...mirrored, ...overrides[key] }];
  });
  return Object.fromEntries(entries) as Images;
}

/** The built images that a stack runs. @param hasBoard whether it has a board */
export function neededImages(hasBoard: boolean): readonly BuiltImageKey[] {
  return builtImageKeys.filter((key) => key !== "board" || hasBoard);
}

/** Images that a stack runs only if it installs a part of the platform that it may leave out. */
const optionalImageKeys = {
  gateway: ["contour", "envoy"],
  monitoring: ["prometheus"],
  database: ["postgres"],
  artifacts: ["versitygw"],
} as const satisfies Record<string, readonly ImageKey[]>;
export type OptionalPart = keyof typeof optionalImageKeys;
export const optionalParts = Object.keys(optionalImageKeys) as OptionalPart[];

/**
 * Upstream images without a digest. A stack must state them before it can be deployed.
 * @param installed what the stack installs of the parts that it may leave out
 */
export function unpinnedImages(images: Images, installed: readonly OptionalPart[]): ImageKey[] {
  const notInstalled = optionalParts.filter((part) => !installed.includes(part));
  const leftOut = notInstalled.flatMap((part): readonly ImageKey[] => optionalImageKeys[part]);
  return imageKeys.filter((key) => !leftOut.includes(key) && !isBuiltImage(key) && !images[key].digest);
}

/** Whether an image is built from the folders beside this file. */
export function isBuiltImage(key: ImageKey): key is BuiltImageKey {
  return (builtImageKeys as readonly string[]).includes(key);
}

/** `repository@digest`, the only form that manifests carry. */
export function imageReference(image: CatalogueImage, digest: string | null = image.digest): string {
  if (!digest) throw new Error(`${image.repository}:${image.tag} has no digest`);
  return `${image.repository}@${digest}`;
}

function withoutHost(repository: string, mirror: string): string {
  return `${mirror}/${repository.split("/").slice(1).join("/")}`;
}
