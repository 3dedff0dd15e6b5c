/**
 * Every container image that the pipeline runs, in one place. No image name stands anywhere else,
 * workflows included.
 */

import { mlflowVersion } from "./mlflow-version";

/** One image: where it is, the tag that people read, and the digest that machines trust. */
export interface CatalogueImage {
  /** Registry host and repository, without tag: `quay.io/argoproj/argocd`. */
  readonly repository: string;
  /** Tag, for people. */
  readonly tag: string;
  /**
   * `sha256:` and 64 hex digits. `null`: not known to this catalogue. An own image then gets its digest
   * from the build; an upstream one must be given by the stack (`npm run images -- pin` prints it).
   */
  readonly digest: string | null;
}

/** Address of the pipeline's own registry inside the cluster; fixed by the lab's documents. */
export const registryAddress = "registry.kube-system.svc.cluster.local:5000";

/** Images built from the folders beside this file, by `npm run images`. */
export const builtImageKeys = ["app", "train", "tools"] as const;
export type BuiltImageKey = (typeof builtImageKeys)[number];

const own = (repository: string, tag: string): CatalogueImage => ({
  repository: `${registryAddress}/${repository}`,
  tag,
  digest: null,
});

export const catalogue = {
  app: own("gourmetgram-app", "base"),
  train: own("gourmetgram-train", "latest"),
  tools: own("gourmetgram-tools", "latest"),
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
} as const satisfies Record<string, CatalogueImage>;

export type ImageKey = keyof typeof catalogue;
export const imageKeys = Object.keys(catalogue) as ImageKey[];

/** What a stack may say of one image; what it leaves out stays as in the catalogue. */
export type ImageOverride = Partial<CatalogueImage>;

/** The catalogue as one stack sees it. Own images are moved by no mirror: they live in the pipeline's registry. */
export type Images = Record<ImageKey, CatalogueImage>;

/**
 * Applies a stack's overrides, and its mirror to every upstream image that no override moves:
 * `quay.io/argoproj/argocd` becomes `<mirror>/argoproj/argocd`.
 */
export function resolveImages(overrides: Partial<Record<ImageKey, ImageOverride>>, mirror?: string): Images {
  const entries = imageKeys.map((key) => {
    const upstream: CatalogueImage = catalogue[key];
    const mirrored =
      mirror && !isOwnImage(key) ? { ...upstream, repository: withoutHost(upstream.repository, mirror) } : upstream;
    return [key, { ...mirrored, ...overrides[key] }];
  });
  return Object.fromEntries(entries) as Images;
}

/** Upstream images without a digest: a stack can't be deployed until it states them. */
export function unpinnedImages(images: Images): ImageKey[] {
  return imageKeys.filter((key) => !isOwnImage(key) && !images[key].digest);
}

export function isOwnImage(key: ImageKey): key is BuiltImageKey {
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
