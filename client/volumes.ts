import { fullBar, type OwnedVolume, ownedVolumes } from "../components/shared/volumes";
import type { Cluster } from "../lib/kube-client";

/** How full a volume is that holds models, records or images. */
export interface Volume {
  /** Who writes to it, as a sentence names it. */
  readonly owner: string;
  /** Setting of the stack with its size. */
  readonly setting: string;
  readonly usedBytes: number;
  /** What it has in all, without what the file system keeps for itself. */
  readonly capacityBytes: number;
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
  { owner, setting, namespace, app }: OwnedVolume,
): Promise<Volume | undefined> {
  const { items } = await cluster.api<Pods>(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`);
  const pod = items.find(({ status }) => status.phase === "Running");
  if (!pod?.spec.nodeName) return undefined;
  const { pods } = await cluster.api<Summary>(`/api/v1/nodes/${pod.spec.nodeName}/proxy/stats/summary`);
  const ours = pods.find(({ podRef }) => podRef.namespace === namespace && podRef.name === pod.metadata.name);
  const volume = ours?.volume?.find(({ pvcRef }) => pvcRef);
  if (volume?.usedBytes === undefined || volume.availableBytes === undefined) return undefined;
  return { owner, setting, usedBytes: volume.usedBytes, capacityBytes: volume.usedBytes + volume.availableBytes };
}

/** A sentence for each volume that is nearly full. */
export function fullVolumes(volumes: readonly Volume[]): string[] {
  return volumes.flatMap(({ owner, setting, usedBytes, capacityBytes }) => {
    const percent = Math.floor((100 * usedBytes) / capacityBytes);
    if (percent < fullBar) return [];
    const sizes = `${gibibytes(usedBytes)} of ${gibibytes(capacityBytes)} GiB`;
    return [
      `The volume of ${owner} is ${percent} % full (${sizes}; the bar is ${fullBar} %): ` +
        `run npm run collect to make room, or give it a larger one with ${setting}.`,
    ];
  });
}

const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
