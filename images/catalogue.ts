/** Every container image that the pipeline runs. No other file names an image, not even a workflow. */

import { mlflowVersion } from "./mlflow-version";

/** One image: its repository, the tag for people, and the digest that decides what runs. */
export interface CatalogueImage {
  /** Registry host and repository, without tag: `quay.io/argoproj/argocd`. */
  readonly repository: string;
  /** Tag, for people. */
  readonly tag: string;
  /**
   * `sha256:` and 64 hex digits, or `null` if this catalogue does not know it. A built image then gets its digest
   * from the build. The stack must give the digest of an upstream image: `npm run images -- pin` prints it.
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

export const catalogue = {
  app: builtImage("gourmetgram-app", "base"),
  train: builtImage("gourmetgram-train", "latest"),
  tools: builtImage("gourmetgram-tools", "latest"),
  board: builtImage("gourmetgram-board", "latest"),
  registry: {
    repository: "docker.io/library/registry",
    tag: "2.8.3",
    digest: "sha256:a3d8aaa63ed8681a604f1dea0aa03f100d5895b6a58ace528858a7b332415373",
  },
  mlflow: { repository: "ghcr.io/mlflow/mlflow", tag: `v${mlflowVersion}`, digest: null },
  argoWorkflowController: { repository: "quay.io/argoproj/workflow-controller", tag: "v3.7.18", digest: null },
  argoExec: {
    repository: "quay.io/argoproj/argoexec",
    tag: "v3.7.18",
    digest: "sha256:8651f0d1a1050be46ef28a7362cbb7387b5f5c29ce691ebddd5d99a0bb7281a9",
  },
  argoServer: { repository: "quay.io/argoproj/argocli", tag: "v3.7.18", digest: null },
  argoCd: {
    repository: "quay.io/argoproj/argocd",
    tag: "v3.2.6",
    digest: "sha256:64e4239359438fb0ad42d46ae2061daa841ae52d4e63f94017929f7e26dd51b2",
  },
  redis: {
    repository: "docker.io/library/redis",
    tag: "8.2.2-alpine",
    digest: "sha256:59b6e694653476de2c992937ebe1c64182af4728e54bb49e9b7a6c26614d8933",
  },
  contour: { repository: "ghcr.io/projectcontour/contour", tag: "v1.33.0", digest: null },
  envoy: { repository: "docker.io/envoyproxy/envoy", tag: "distroless-v1.35.2", digest: null },
  prometheus: { repository: "docker.io/prom/prometheus", tag: "v3.16.0", digest: null },
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
const optionalImageKeys = { gateway: ["contour", "envoy"], monitoring: ["prometheus"] } as const satisfies Record<
  string,
  readonly ImageKey[]
>;
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

function isBuiltImage(key: ImageKey): key is BuiltImageKey {
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
