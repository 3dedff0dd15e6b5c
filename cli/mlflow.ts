import { mlflowAddress, mlflowNamespace, mlflowPort } from "../components/shared/mlflow-address";
import type { Cluster } from "../lib/kube-client";

/**
 * One call of MLflow's REST API, a POST where it has a body.
 * @returns undefined where MLflow knows no such thing
 * @throws for any other answer that isn't 200
 */
export async function mlflow<T>(cluster: Cluster, path: string, body?: object): Promise<T | undefined> {
  const request = { headers: { host: mlflowAddress }, ...(body && { method: "POST", body }) };
  const { status, text } = await cluster.service(
    mlflowNamespace,
    "mlflow",
    mlflowPort,
    `/api/2.0/mlflow/${path}`,
    request,
  );
  if (status === 404 && text.includes("RESOURCE_DOES_NOT_EXIST")) return undefined;
  if (status !== 200)
    throw new Error(
      `MLflow answered with ${status}: look at it with kubectl logs --namespace ${mlflowNamespace} deployment/mlflow`,
    );
  return JSON.parse(text) as T;
}
