import { readStackFile, settingsOf } from "../config";
import { machineArchitecture } from "../image-builder/architecture";
import type { Cluster } from "../lib/kube-client";
import { isRecord } from "../lib/record";

interface Node {
  metadata: { name: string };
  spec: { unschedulable?: boolean; taints?: { effect: string }[] };
  status: { nodeInfo: { architecture: string; operatingSystem: string } };
}

/** Whether `pulumi up` builds images for this stack. */
export function buildsImages(stack: string): boolean {
  const { images } = settingsOf(readStackFile(stack).file);
  return isRecord(images) && images.build === true;
}

/**
 * The architecture of the nodes that run pods of the pipeline, for which the images are built; this machine's, while
 * there is no node. Nodes that take no ordinary pods do not count.
 * @throws Error that names the nodes, if they differ: a container of another architecture ends with "exec format error"
 */
export async function nodeArchitecture(cluster: Cluster, machine = machineArchitecture()): Promise<string> {
  const { items } = await cluster.api<{ items: Node[] }>("/api/v1/nodes");
  const nodes = items.filter(runsPods);
  const found = [...new Set(nodes.map(architectureOf))];
  if (found.length > 1)
    throw new Error(
      "An image is built for one architecture, and the nodes have several: " +
        `${nodes.map((node) => `${node.metadata.name} (${architectureOf(node)})`).join(", ")}. Nothing was built. ` +
        "Taint those that the images are not for.",
    );
  return found[0] ?? machine;
}

const architectureOf = ({ status }: Node): string => status.nodeInfo.architecture;

function runsPods({ spec, status }: Node): boolean {
  const repels = (spec.taints ?? []).some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
  return status.nodeInfo.operatingSystem === "linux" && !spec.unschedulable && !repels;
}
