import { pipelineParametersName, workflowNamespace } from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";

/** Path of the pipeline's parameters in the Kubernetes API. */
export const parametersPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/${pipelineParametersName}`;

export type Parameters = Readonly<Record<string, string | undefined>>;

/** The pipeline's parameters, as the program wrote them for the steps. */
export async function readParameters(cluster: Cluster): Promise<Parameters> {
  return (await cluster.api<{ data?: Record<string, string> }>(parametersPath)).data ?? {};
}

/** The same, for what does nothing without a pipeline. @throws if there is none */
export function requireParameters(cluster: Cluster): Promise<Parameters> {
  return readParameters(cluster).catch((error: Error) => {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new Error(`the cluster has no pipeline (${error.message}): run npm start, or pulumi up`);
  });
}

/**
 * Names of the environments of the cluster's pipeline, in the order of promotion.
 * @throws if there is no pipeline, or an older program made it
 */
export async function readEnvironments(cluster: Cluster): Promise<string[]> {
  return environmentsOf(await requireParameters(cluster));
}

/** The same, from the pipeline's parameters. @throws if an older program wrote them */
export function environmentsOf({ environments }: Parameters): string[] {
  if (!environments)
    throw new Error(
      "the cluster's pipeline does not name its environments, since an older program made it: " +
        "run npm start, or pulumi up",
    );
  return Object.keys(JSON.parse(environments) as Record<string, string>);
}
