import { workflowNamespace } from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";

const path = `/api/v1/namespaces/${workflowNamespace}/configmaps/pipeline-parameters`;

/** Names of the environments that the cluster's pipeline knows, in the order of promotion. @throws when there is no pipeline, or one of an older program */
export async function readEnvironments(cluster: Cluster): Promise<string[]> {
  const { data } = await cluster.api<{ data?: { environments?: string } }>(path).catch((error: Error) => {
    throw error instanceof ApiError
      ? new Error(`the cluster has no pipeline (${error.message}): run npm start, or pulumi up`)
      : error;
  });
  if (!data?.environments)
    throw new Error(
      "the cluster's pipeline is of an older program, which did not name its environments: run npm start, or pulumi up",
    );
  return Object.keys(JSON.parse(data.environments) as Record<string, string>);
}
