import { mlflowApp, mlflowNamespace } from "./mlflow-address";

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
  /** Name of what watches it. */
  readonly watch: string;
}

export const ownedVolumes = {
  mlflow: {
    owner: "MLflow",
    setting: "modelRegistry.storage",
    namespace: mlflowNamespace,
    app: mlflowApp,
    claim: "mlflow-data",
    watch: "volume-watch",
  },
  database: {
    owner: "MLflow's PostgreSQL",
    setting: "modelRegistry.storage",
    namespace: mlflowNamespace,
    app: "mlflow-database",
    claim: "mlflow-database",
    watch: "database-volume-watch",
  },
  artifacts: {
    owner: "MLflow's object store",
    setting: "modelRegistry.storage",
    namespace: mlflowNamespace,
    app: "mlflow-artifacts",
    claim: "mlflow-artifacts",
    watch: "artifacts-volume-watch",
  },
  registry: {
    owner: "the registry",
    setting: "registry.storage",
    namespace: "kube-system",
    app: "registry",
    claim: "registry-data",
    watch: "volume-watch",
  },
} as const satisfies Record<string, OwnedVolume>;

/** Share of a volume, in percent, from which people are told. */
export const fullBar = 80;
