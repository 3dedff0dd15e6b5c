import { readStackFile, settingsOf } from "../config";
import type { Cluster } from "../lib/kube-client";
import { isRecord } from "../lib/record";

interface Node {
  metadata: { name: string };
  spec: { unschedulable?: boolean; taints?: { effect: string }[] };
  status: { nodeInfo: { architecture: string; operatingSystem: string } };
}

/** Kubernetes' names of Node.js's names, where they differ. */
const architectures: Record<string, string> = { x64: "amd64", ia32: "386" };

/** Architecture of this machine, and so of the images that it builds, as Kubernetes names it: `amd64`, `arm64`. */
export const machineArchitecture = (name: string = process.arch): string => architectures[name] ?? name;

/** Whether `pulumi up` builds images for this stack. */
export function buildsImages(stack: string): boolean {
  const { images } = settingsOf(readStackFile(stack).file);
  return isRecord(images) && images.build === true;
}

/**
 * Compares this machine with the nodes that run pods of the pipeline: a container of another architecture ends with
 * "exec format error". Nodes that take no ordinary pods do not count.
 * @throws Error that names the other nodes
 */
export async function refuseOtherArchitecture(cluster: Cluster, machine = machineArchitecture()): Promise<void> {
  const { items } = await cluster.api<{ items: Node[] }>("/api/v1/nodes");
  const others = items.filter((node) => runsPods(node) && node.status.nodeInfo.architecture !== machine);
  if (others.length === 0) return;
  const found = others.map(({ metadata, status }) => `${metadata.name} (${status.nodeInfo.architecture})`).join(", ");
  throw new Error(
    `this machine builds images for ${machine}, and these nodes could not run them: ${found}. Nothing was built. ` +
      "Build on a machine of their architecture, as in CI. " +
      "If the nodes differ, taint those that the images do not fit.",
  );
}

function runsPods({ spec, status }: Node): boolean {
  const repels = (spec.taints ?? []).some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
  return status.nodeInfo.operatingSystem === "linux" && !spec.unschedulable && !repels;
}
