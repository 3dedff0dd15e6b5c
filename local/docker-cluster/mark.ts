import { createHash } from "node:crypto";
import { dump } from "js-yaml";
import { type Cluster, UnreachableError } from "../../lib/kube-client";

/** Name of the clusters that `npm start` makes. kind and k3d put their own name before it in the kubeconfig. */
export const clusterName = "gourmetgram";

/** Label of the nodes of such a cluster: what it was made from. A cluster that a person made has none. */
export const markLabel = "gourmetgram.io/made-from";

/** What a cluster is made from. */
export interface ClusterConfig {
  /** Value of the label: 16 hex digits that change with anything else in the configuration. */
  readonly mark: string;
  /** What kind or k3d reads. */
  readonly file: object;
}

/** Value of the label for a configuration without it. */
export const markOf = (config: object): string => createHash("sha256").update(dump(config)).digest("hex").slice(0, 16);

interface Nodes {
  items: { metadata: { labels?: Record<string, string> } }[];
}

/**
 * The value of the label on the nodes, or undefined if `npm start` did not make the cluster.
 * @param start command that starts a cluster whose containers were stopped, for the error
 * @throws if the cluster does not answer
 */
export async function readMark(cluster: Cluster, start: string): Promise<string | undefined> {
  const { items } = await cluster.api<Nodes>("/api/v1/nodes").catch((error: unknown) => {
    if (!(error instanceof UnreachableError)) throw error;
    throw new Error(`The cluster ${clusterName} exists, but does not answer: run ${start}, then run this again.`);
  });
  return items.map(({ metadata }) => metadata.labels?.[markLabel]).find((value) => value !== undefined);
}
