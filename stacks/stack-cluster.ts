import { currentStack, parseCluster, readStackFile } from "../config";
import { type Cluster, connectTo } from "../lib/kube-client";
import { kubeconfigPath } from "../lib/paths";

/**
 * Connects to the cluster that a stack file names. For the local cluster, its kubeconfig is used.
 * @param stack stack whose file is read; default {@link currentStack}
 * @throws if the file, the kubeconfig or the context is missing; nothing has been called by then
 */
export function connect(stack = currentStack()): Cluster {
  const { file, isLocal } = readStackFile(stack);
  const { context, kubeconfig } = parseCluster(file);
  return connectTo(context, kubeconfig ?? (isLocal ? kubeconfigPath() : undefined));
}
