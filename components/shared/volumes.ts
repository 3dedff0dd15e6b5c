import { mlflowApp, mlflowNamespace } from "./mlflow-address";

/** A volume with what cannot be made again: models, records or images. */
export interface OwnedVolume {
  /** Who writes to it, as a sentence names it. */
  readonly owner: string;
  /** Setting of the stack with its size. */
  readonly setting: string;
  /** Whether a collection of old versions makes room on it. */
  readonly isCollected: boolean;
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
    isCollected: true,
    namespace: mlflowNamespace,
    app: mlflowApp,
    claim: "mlflow-data",
    watch: "volume-watch",
  },
  database: {
    owner: "MLflow's PostgreSQL",
    setting: "modelRegistry.storage",
    isCollected: false,
    namespace: mlflowNamespace,
    app: "mlflow-database",
    claim: "mlflow-database",
    watch: "database-volume-watch",
  },
  artifacts: {
    owner: "MLflow's object store",
    setting: "modelRegistry.storage",
    isCollected: true,
    namespace: mlflowNamespace,
    app: "mlflow-artifacts",
    claim: "mlflow-artifacts",
    watch: "artifacts-volume-watch",
  },
  registry: {
    owner: "the registry",
    setting: "registry.storage",
    isCollected: true,
    namespace: "kube-system",
    app: "registry",
    claim: "registry-data",
    watch: "volume-watch",
  },
} as const satisfies Record<string, OwnedVolume>;

/**
 * What a person does first about a volume that is full, and who says what else helps: `npm run status` sees what the
 * volume is made of (`client/volumes.ts`). The steps and the builds say the same (`workflows/lib/full_volume.py`).
 */
export const firstAid = ({ isCollected }: Pick<OwnedVolume, "isCollected">): string =>
  isCollected
    ? "run npm run collect to make room; if it stays full, npm run status says what else helps"
    : "npm run status says what helps";

/** Share of a volume, in percent, from which people are told. */
export const fullBar = 80;
