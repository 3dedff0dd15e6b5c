import type { ServerResponse } from "node:http";
import { MlflowError } from "../../client/mlflow";
import { ApiError, UnreachableError } from "../../lib/kube-client";
import type { ErrorAnswer } from "../api";
import { Refusal } from "./refusal";

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const own = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  response.writeHead(status, { ...own, ...headers }).end(JSON.stringify(body));
}

/** Answers that something did not work, in one sentence. */
export function sendError(response: ServerResponse, error: unknown): void {
  const { status, message, headers = {} } = refusalOf(error);
  const body: ErrorAnswer = { error: message };
  if (response.headersSent) response.destroy();
  else sendJson(response, status, body, headers);
}

function refusalOf(error: unknown): Pick<Refusal, "status" | "message"> & Partial<Pick<Refusal, "headers">> {
  if (error instanceof Refusal) return error;
  // In the API server's own words. What an admission policy refuses is invalid to it.
  if (error instanceof ApiError && [400, 401, 403, 404, 422].includes(error.status))
    return { status: error.status === 422 ? 403 : error.status, message: error.message };
  if (error instanceof ApiError || error instanceof UnreachableError || error instanceof MlflowError)
    return { status: 502, message: error.message };
  // What the commands throw for a person, as where MLflow does not answer.
  if (error instanceof Error && error.constructor === Error) return { status: 502, message: error.message };
  console.error(error);
  return { status: 500, message: "The board could not answer: see its log." };
}
