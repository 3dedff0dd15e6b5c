import { freezeName, workflowNamespace } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { timestamp } from "../lib/timestamp";
import { MlflowError } from "./mlflow";
import { oneLine } from "./one-line";
import { recordFreeze } from "./releases";

export interface Freeze {
  readonly who: string;
  readonly since: string;
  readonly why: string;
}

/** Path of the freeze in the Kubernetes API. */
export const freezePath = `/api/v1/namespaces/${workflowNamespace}/configmaps/${freezeName}`;

/** The current freeze, or undefined. */
export async function readFreeze(cluster: Cluster): Promise<Freeze | undefined> {
  const { data } = await cluster.api<{ data?: Freeze }>(freezePath);
  return data && Object.keys(data).length > 0 ? data : undefined;
}

/** The reason of a freeze. @throws if it does not fit on one line */
export const checkReason = (text: string): string =>
  oneLine(text, "the reason", 'npm run freeze -- "exams until Friday"');

/** Sets a freeze, or lifts it with null, without a record of it. */
export async function writeFreeze(cluster: Cluster, data: Freeze | null): Promise<void> {
  const headers = { "content-type": "application/merge-patch+json" };
  await cluster.api(`${freezePath}?fieldManager=promotion-freeze`, { method: "PATCH", headers, body: { data } });
}

/** Stops all promotions, and replaces a current freeze. @returns what was done, in one sentence */
export async function freeze(cluster: Cluster, why: string, now = new Date()): Promise<string> {
  const who = await cluster.username();
  await writeFreeze(cluster, { who, since: timestamp(now), why: checkReason(why) });
  const record = await tryRecord(cluster, "freeze", who, why);
  const remedy = "To allow promotions again, run npm run unfreeze.";
  return `Promotions are frozen, by ${who}: ${why}. Reverts still run. ${remedy}${record}`;
}

/** Allows promotions again. @returns what was done, in one sentence */
export async function unfreeze(cluster: Cluster, why: string): Promise<string> {
  const current = await readFreeze(cluster);
  if (!current) return "Promotions were not frozen.";
  await writeFreeze(cluster, null);
  const record = await tryRecord(cluster, "unfreeze", await cluster.username(), why);
  const before = `They were frozen by ${current.who} since ${current.since}: ${current.why}`;
  return `Promotions are allowed again. ${before}${record && `.${record}`}`;
}

/** Puts it on record where MLflow is there: a freeze needs none. @returns what to add to the sentence */
async function tryRecord(cluster: Cluster, action: "freeze" | "unfreeze", who: string, why: string): Promise<string> {
  try {
    await recordFreeze(cluster, action, who, why);
    return "";
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    return ` The record of releases does not say so: ${error.message}`;
  }
}
