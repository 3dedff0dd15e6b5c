import { fullBar, type OwnedVolume, ownedVolumes } from "../components/shared/volumes";
import { ApiError, type Cluster } from "../lib/kube-client";

/** How full a volume is that holds models, records or images. */
export interface Volume {
  /** Who writes to it, as a sentence names it. */
  readonly owner: string;
  /** Setting of the stack with its size. */
  readonly setting: string;
  readonly usedBytes: number;
  /** Whether a collection of old versions makes room on it. */
  readonly isCollected: boolean;
  /** Whether the claim can be made larger; null where it is not nearly full, or the user may not look. */
  readonly growth: Growth | null;
  /** What it has in all, without what the file system keeps for itself. */
  readonly capacityBytes: number;
}

/**
 * `expands`: its storage class can make it larger. `fixed`: it cannot. `disk`: nothing provisions it, it is a folder
 * or a disk of its node, as in the local cluster.
 */
type Growth = "expands" | "fixed" | "disk";

interface Claim {
  spec: { storageClassName?: string };
}
interface StorageClass {
  provisioner: string;
  allowVolumeExpansion?: boolean;
}
interface Pods {
  items: { metadata: { name: string }; spec: { nodeName?: string }; status: { phase: string } }[];
}
interface Summary {
  pods: {
    podRef: { name: string; namespace: string };
    volume?: { pvcRef?: { name: string }; usedBytes?: number; availableBytes?: number }[];
  }[];
}

/**
 * The volumes of MLflow and of the registry, as the kubelets of their nodes measure them. A volume that cannot be
 * measured is left out: its pod does not run, it is no volume of this cluster, or the user may not ask its node.
 */
export async function readVolumes(cluster: Cluster): Promise<Volume[]> {
  const found = await Promise.all(
    Object.values(ownedVolumes).map((volume) => readVolume(cluster, volume).catch(() => undefined)),
  );
  return found.filter((volume) => volume !== undefined);
}

async function readVolume(
  cluster: Cluster,
  { owner, setting, isCollected, namespace, app }: OwnedVolume,
): Promise<Volume | undefined> {
  const { items } = await cluster.api<Pods>(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`);
  const pod = items.find(({ status }) => status.phase === "Running");
  if (!pod?.spec.nodeName) return undefined;
  const { pods } = await cluster.api<Summary>(`/api/v1/nodes/${pod.spec.nodeName}/proxy/stats/summary`);
  const ours = pods.find(({ podRef }) => podRef.namespace === namespace && podRef.name === pod.metadata.name);
  const volume = ours?.volume?.find(({ pvcRef }) => pvcRef);
  if (volume?.usedBytes === undefined || volume.availableBytes === undefined) return undefined;
  const sizes = { usedBytes: volume.usedBytes, capacityBytes: volume.usedBytes + volume.availableBytes };
  const growth = percentOf(sizes) < fullBar ? null : await readGrowth(cluster, namespace, volume.pvcRef!.name);
  return { owner, setting, isCollected, growth, ...sizes };
}

const percentOf = ({ usedBytes, capacityBytes }: Pick<Volume, "usedBytes" | "capacityBytes">): number =>
  Math.floor((100 * usedBytes) / capacityBytes);

async function readGrowth(cluster: Cluster, namespace: string, claim: string): Promise<Growth | null> {
  try {
    const { spec } = await cluster.api<Claim>(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claim}`);
    if (!spec.storageClassName) return "fixed";
    const found = await cluster.api<StorageClass>(`/apis/storage.k8s.io/v1/storageclasses/${spec.storageClassName}`);
    if (found.allowVolumeExpansion) return "expands";
    return found.provisioner === "kubernetes.io/no-provisioner" ? "disk" : "fixed";
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

/** What a person does about a volume that is nearly full. Nothing else decides this. */
export function remedyOf({ setting, isCollected, growth }: Pick<Volume, "setting" | "isCollected" | "growth">): string {
  const fewer = isCollected ? "keep fewer versions with pipeline.retention, or " : "";
  const move = "npm run backup, npm stop, npm start and npm run restore";
  const more = {
    expands: `give it more space with ${setting}, then run npm start`,
    fixed: `its storage class cannot expand it, so ${fewer}move to a larger one: write ${setting}, and run ${move}`,
    disk: `it is part of its node's disk and cannot be expanded, so ${fewer}delete something else from that disk`,
    unknown:
      `give it more space with ${setting} if its storage class can expand it; ` + `if it cannot, ${fewer}move: ${move}`,
  }[growth ?? "unknown"];
  return isCollected ? `run npm run collect to make room. If that is not enough: ${more}` : more;
}

/** A sentence for each volume that is nearly full. */
export function fullVolumes(volumes: readonly Volume[]): string[] {
  return volumes.flatMap((volume) => {
    const percent = percentOf(volume);
    if (percent < fullBar) return [];
    const sizes = `${gibibytes(volume.usedBytes)} of ${gibibytes(volume.capacityBytes)} GiB`;
    return [
      `The volume of ${volume.owner} is ${percent} % full (${sizes}; the bar is ${fullBar} %): ${remedyOf(volume)}.`,
    ];
  });
}

const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
