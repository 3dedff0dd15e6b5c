import { mlflowNamespace } from "./mlflow-address";

/** A volume with what cannot be made again: models, records or images. */
export interface OwnedVolume {
  /** Who writes to it, as a sentence names it. */
  readonly owner: string;
  /** Setting of the stack with its size. */
  readonly setting: string;
  readonly namespace: string;
  /** Label `app` of the owner's pod. */
  readonly app: string;
  /** Name of its PersistentVolumeClaim. */
  readonly claim: string;
}

export const ownedVolumes = {
  mlflow: {
    owner: "MLflow",
    setting: "modelRegistry.storage",
    namespace: mlflowNamespace,
    app: "mlflow",
    claim: "mlflow-data",
  },
  registry: {
    owner: "the registry",
    setting: "registry.storage",
    namespace: "kube-system",
    app: "registry",
    claim: "registry-data",
  },
} as const satisfies Record<string, OwnedVolume>;

/** Share of a volume, in percent, from which people are told. */
export const fullBar = 80;
