import { mlflowAddress, mlflowNamespace, mlflowPort } from "../components/shared/mlflow-address";
import type { Cluster } from "../lib/kube-client";

/**
 * Calls MLflow's REST API, with POST if there is a body.
 * @returns undefined if MLflow answers that the resource does not exist
 * @throws for any other answer than 200
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
  if (status !== 200) throw new Error(complaint(status));
  return JSON.parse(text) as T;
}

/** Version of the MLflow that serves. @throws if it does not answer */
export async function mlflowServerVersion(cluster: Cluster): Promise<string> {
  const { status, text } = await cluster.service(mlflowNamespace, "mlflow", mlflowPort, "/version", {
    headers: { host: mlflowAddress },
  });
  if (status !== 200) throw new Error(complaint(status));
  return text.trim();
}

const complaint = (status: number) =>
  `MLflow answered with ${status}: see its log with kubectl logs --namespace ${mlflowNamespace} deployment/mlflow`;
