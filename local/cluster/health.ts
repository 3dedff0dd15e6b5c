import { connectTo } from "../../lib/connect";
import { kubeconfigPath, localContext } from "../../lib/paths";
import { localNodes, processName, recordedNodeCount } from "./nodes";
import { processRuns } from "./processes";

/** Deletions need all of these: one records the deletion, one finishes it, the nodes' end the pods, and so on. */
const needed = () => [
  ...["etcd", "kube-apiserver", "kube-controller-manager"],
  ...localNodes(recordedNodeCount()).flatMap((node) =>
    ["containerd", "kubelet"].map((name) => processName(name, node)),
  ),
];

/**
 * Why the cluster cannot finish deletions, as the beginning of a sentence. Undefined if it can. Takes 30 s at most.
 */
export async function unhealthyReason(runs: (name: string) => boolean = processRuns): Promise<string | undefined> {
  const names = needed();
  const ended = names.filter((name) => !runs(name));
  if (ended.length === names.length) return "No process of the cluster runs";
  if (ended.length > 0)
    return `Of the cluster's processes ${ended.join(", ")} ${ended.length === 1 ? "has" : "have"} ended`;
  try {
    // It reads an object, so that etcd must answer too.
    await connectTo(localContext, kubeconfigPath()).api("/api/v1/namespaces/kube-system");
    return undefined;
  } catch (error) {
    return `The API server does not answer (${(error as Error).message})`;
  }
}
