import type { ImageConfig } from "../../../image-builder/layout";
import { type CatalogueImage, catalogue, type ImageKey } from "../../../images/catalogue";
import { pinnedDigest } from "../../../images/digests";
import { goModuleVersion } from "../../../lib/go-module";

/** How one of the local cluster's third-party images is made where its official image cannot be pulled. */
export interface Recipe {
  /** The store of MLflow that needs it: only a stack that installs this store has the image. Default: every stack. */
  store?: "database" | "artifacts";
  /** Its entry in the catalogue. The images that only the local cluster itself needs have none. */
  catalogueKey?: ImageKey;
  /** Repository and tag of the official image, if the catalogue does not have it. */
  official?: Pick<CatalogueImage, "repository" | "tag">;
  /** Go programs that it is made of. */
  binaries?: string[];
  /** Whether the folder `<name>` beside this file has its Dockerfile. Otherwise it has the binaries in `/bin`. */
  dockerfile?: boolean;
  /** Whether it has no root file system below it, since its static binary needs none. */
  bare?: boolean;
  config?: ImageConfig;
}

const recipes = {
  pause: {
    // The one that kubeadm of this Kubernetes asks for.
    official: { repository: "registry.k8s.io/pause", tag: "3.10.1" },
    binaries: ["pause"],
    bare: true,
    config: { Entrypoint: ["/bin/pause"], User: "65535:65535" },
  },
  coredns: {
    official: {
      repository: "registry.k8s.io/coredns/coredns",
      tag: goModuleVersion("shared", "github.com/coredns/coredns"),
    },
    binaries: ["coredns"],
    config: { Entrypoint: ["coredns"] },
  },
  registry: { catalogueKey: "registry", dockerfile: true },
  redis: { catalogueKey: "redis", dockerfile: true },
  mlflow: { catalogueKey: "mlflow", dockerfile: true },
  postgres: { store: "database", catalogueKey: "postgres", dockerfile: true },
  versitygw: {
    store: "artifacts",
    catalogueKey: "versitygw",
    binaries: ["versitygw"],
    config: { Entrypoint: ["versitygw"], User: "65532" },
  },
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
  contour: { catalogueKey: "contour", binaries: ["contour"], config: { Entrypoint: ["contour"], User: "65532" } },
  envoy: { catalogueKey: "envoy", dockerfile: true },
  // `nobody` of the release's own image.
  prometheus: {
    catalogueKey: "prometheus",
    binaries: ["prometheus"],
    config: { Entrypoint: ["prometheus"], User: "65534" },
  },
  argocd: { catalogueKey: "argoCd", binaries: ["argocd", "kustomize"], dockerfile: true },
} satisfies Record<string, Recipe>;

/** Name of an image in the mirror. */
export type LocalImageName = keyof typeof recipes;
/** Every image. */
export const localImageNames = Object.keys(recipes) as LocalImageName[];

/** The images of a stack. @param stores which stores of MLflow it installs */
export const neededLocalImages = (stores: readonly string[]): LocalImageName[] =>
  localImageNames.filter((name) => {
    const { store } = recipeOf(name);
    return !store || stores.includes(store);
  });

/** How an image is made. */
export const recipeOf = (name: LocalImageName): Recipe => recipes[name];

/** The Go programs that must be compiled before an image can be built. `pause` is compiled with its image. */
export function neededBinaries(name: LocalImageName): string[] {
  return (recipeOf(name).binaries ?? []).filter((binary) => binary !== "pause");
}

/** The official image, with the digest that the table has at this moment. */
export function officialImage(name: LocalImageName): CatalogueImage {
  const { catalogueKey, official } = recipeOf(name);
  const { repository, tag } = catalogueKey ? catalogue[catalogueKey] : official!;
  return { repository, tag, digest: pinnedDigest(repository, tag) };
}

/** Tools that nothing but an image needs. promtool is for the tests, which compile it with its group. */
const imageOfTool: Record<string, LocalImageName> = {
  coredns: "coredns",
  "workflow-controller": "argo-workflow-controller",
  argoexec: "argo-exec",
  argocd: "argocd",
  contour: "contour",
  prometheus: "prometheus",
  versitygw: "versitygw",
  promtool: "prometheus",
};

/** Whether a tool is needed although these images have been pulled. */
export const isNeeded = (tool: string, pulled: ReadonlySet<LocalImageName>): boolean => !pulled.has(imageOfTool[tool]);
