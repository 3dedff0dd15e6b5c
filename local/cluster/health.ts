import { connectTo } from "../../lib/kube-client";
import { kubeconfigPath, localContext } from "../../lib/paths";
import { processRuns } from "./processes";

/** Without any one of these a deleted object stays: nobody records it, finishes it, or ends its pods. */
const needed = ["etcd", "kube-apiserver", "kube-controller-manager", "containerd", "kubelet"];

/** Why the cluster can't finish deletions, as the beginning of a sentence; undefined where it can. Takes 30 s at most. */
export async function unhealthyReason(runs: (name: string) => boolean = processRuns): Promise<string | undefined> {
  const ended = needed.filter((name) => !runs(name));
  if (ended.length === needed.length) return "No process of the cluster runs";
  if (ended.length > 0)
    return `Of the cluster's processes ${ended.join(", ")} ${ended.length === 1 ? "has" : "have"} ended`;
  try {
    // An object, so that etcd has to answer too.
    await connectTo(localContext, kubeconfigPath()).api("/api/v1/namespaces/kube-system");
    return undefined;
  } catch (error) {
    return `The API server does not answer (${(error as Error).message})`;
  }
}
