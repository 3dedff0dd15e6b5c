import { pipelineParametersName, workflowNamespace } from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";

/** Path of the pipeline's parameters in the Kubernetes API. */
export const parametersPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/${pipelineParametersName}`;

/**
 * Names of the environments of the cluster's pipeline, in the order of promotion.
 * @throws if there is no pipeline, or an older program made it
 */
export async function readEnvironments(cluster: Cluster): Promise<string[]> {
  const { data } = await cluster.api<{ data?: { environments?: string } }>(parametersPath).catch((error: Error) => {
    if (!(error instanceof ApiError)) throw error;
    throw new Error(`the cluster has no pipeline (${error.message}): run npm start, or pulumi up`);
  });
  if (!data?.environments)
    throw new Error(
      "the cluster's pipeline does not name its environments, since an older program made it: " +
        "run npm start, or pulumi up",
    );
  return Object.keys(JSON.parse(data.environments) as Record<string, string>);
}
