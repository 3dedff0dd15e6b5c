import type { ImageConfig } from "../../../image-builder/layout";
import type { ImageKey } from "../../../images/catalogue";

/** How one of the local cluster's third-party images is made. */
export interface Recipe {
  /** Its entry in the catalogue. The images that only the local cluster itself needs have none. */
  catalogueKey?: ImageKey;
  /** Go programs that it is made of. */
  binaries?: string[];
  /** Whether the folder `<name>` beside this file has its Dockerfile. Otherwise it has the binaries in `/bin`. */
  dockerfile?: boolean;
  /** Whether it has no root file system below it, since its static binary needs none. */
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

/** How an image is made. */
export const recipeOf = (name: LocalImageName): Recipe => recipes[name];

/** The Go programs that must be compiled before an image can be built. `pause` is compiled with its image. */
export function neededBinaries(name: LocalImageName): string[] {
  return (recipeOf(name).binaries ?? []).filter((binary) => binary !== "pause");
}
