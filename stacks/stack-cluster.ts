import { currentStack, parseCluster, parsePlatformCluster, readStackFile } from "../config";
import { connectTo } from "../lib/connect";
import type { Cluster } from "../lib/kube-client";
import { kubeconfigPath } from "../lib/paths";

/**
 * Connects to the cluster that a stack file names. For the local cluster, its kubeconfig is used.
 * @param stack stack whose file is read; default {@link currentStack}
 * @throws if the file or the kubeconfig is missing; the first call, if the context is
 */
export const connect = (stack = currentStack()): Cluster => connectBy(stack, parseCluster);

/** The same for the cluster with the platform of the stack, which may be another one. */
export const connectToPlatform = (stack: string): Cluster => connectBy(stack, parsePlatformCluster);

function connectBy(stack: string, parse: typeof parseCluster): Cluster {
  const { file, isLocal } = readStackFile(stack);
  const { context, kubeconfig } = parse(file);
  return connectTo(context, kubeconfig ?? (isLocal ? kubeconfigPath() : undefined));
}
