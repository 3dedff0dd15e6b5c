import type { IncomingMessage } from "node:http";
import { mlflowAddress, mlflowNamespace, mlflowPort } from "../components/shared/mlflow-address";
import { parseJson } from "../lib/json";
import { type Cluster, type Request, UnreachableError } from "../lib/kube-client";

/** MLflow gave no answer that says anything of what it was asked. What needs no MLflow goes on without it. */
export class MlflowError extends Error {}

/**
 * Calls MLflow's REST API, with POST if there is a body.
 * @returns undefined if MLflow answers that the resource does not exist
 * @throws MlflowError for any other answer than 200, and where none comes
 */
export async function mlflow<T>(cluster: Cluster, path: string, body?: object): Promise<T | undefined> {
  const request = { headers: { host: mlflowAddress }, ...(body && { method: "POST", body }) };
  const { status, text } = await ask(cluster, `/api/2.0/mlflow/${path}`, request);
  if (status === 404 && text.includes("RESOURCE_DOES_NOT_EXIST")) return undefined;
  if (status !== 200) throw new MlflowError(complaint(cluster, status, text));
  return JSON.parse(text) as T;
}

/**
 * One file of a registered version, piece by piece.
 * @throws ApiError if MLflow does not give it
 */
export function artifact(cluster: Cluster, model: string, version: string, file: string): Promise<IncomingMessage> {
  const query = `name=${model}&version=${version}&path=${encodeURIComponent(file)}`;
  const service = `/api/v1/namespaces/${mlflowNamespace}/services/mlflow:${mlflowPort}/proxy`;
  return cluster.stream(`${service}/model-versions/get-artifact?${query}`, 30, { host: mlflowAddress });
}

/** Version of the MLflow that serves. @throws if it does not answer */
export async function mlflowServerVersion(cluster: Cluster): Promise<string> {
  const { status, text } = await ask(cluster, "/version", { headers: { host: mlflowAddress } });
  if (status !== 200) throw new MlflowError(complaint(cluster, status, text));
  return text.trim();
}

/** What MLflow answers, or the API server where it cannot reach MLflow. */
async function ask(cluster: Cluster, path: string, request: Request): Promise<{ status: number; text: string }> {
  try {
    return await cluster.service(mlflowNamespace, "mlflow", mlflowPort, path, request);
  } catch (error) {
    // The API server waits for a node that is away for longer than anybody waits for the API server.
    if (!(error instanceof UnreachableError) || error.code !== "ETIMEDOUT") throw error;
    throw new MlflowError(away(cluster, "no answer came in time"));
  }
}

function complaint(cluster: Cluster, status: number, text: string): string {
  const answer = parseJson(text) as { kind?: unknown; message?: unknown } | null | undefined;
  // The API server's own answer: the call did not come to MLflow.
  if (answer?.kind === "Status") return away(cluster, `${status}: ${answer.message}`);
  const log = `${cluster.kubectl} logs --namespace ${mlflowNamespace} deployment/mlflow`;
  return `MLflow answered with ${status}: see its log with ${log}`;
}

const away = ({ kubectl }: Cluster, reason: string) =>
  `MLflow does not answer (${reason}): ` +
  `see its pod with ${kubectl} describe pods --namespace ${mlflowNamespace} --selector app=mlflow`;
