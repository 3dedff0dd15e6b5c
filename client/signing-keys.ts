import { setTimeout as pause } from "node:timers/promises";
import {
  type SigningKey,
  signingKeyNames,
  signingKeySecret,
  signingKeysName,
  workflowNamespace,
} from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";
import { listed } from "../lib/listed";

const configMap = `/api/v1/namespaces/${workflowNamespace}/configmaps/${signingKeysName}`;
const jobs = `/apis/batch/v1/namespaces/${workflowNamespace}/jobs`;
const secretOf = (key: SigningKey) => `/api/v1/namespaces/${workflowNamespace}/secrets/${signingKeySecret(key)}`;
/** Annotations and labels with which the API server marks a Job's pods as its own. */
const ownLabels = /^(batch\.kubernetes\.io\/)?(controller-uid|job-name)$/;

interface Job {
  metadata: { name: string };
  spec: {
    selector?: unknown;
    template: { metadata: { labels: Record<string, string> }; spec: object };
    [field: string]: unknown;
  };
  status?: { succeeded?: number; conditions?: { type: string; status: string; message?: string }[] };
}

/** A public key: what it verifies, its id, and its PEM. */
export interface PublicKey {
  readonly name: string;
  /** SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal digits. */
  readonly id: string;
  readonly pem: string;
}

/** The public keys of the pipeline, those of before a rotation included. */
export async function readPublicKeys(cluster: Cluster): Promise<PublicKey[]> {
  const { data = {} } = await cluster.api<{ data?: Record<string, string> }>(configMap);
  return publicKeysOf(data);
}

/** Public keys by `<name>.<id>`, as the ConfigMap has them. */
export const publicKeysOf = (data: Readonly<Record<string, string>>): PublicKey[] =>
  Object.entries(data).map(([entry, pem]) => {
    const [name, id = ""] = entry.split(".");
    return { name, id, pem };
  });

/** The key that a person names. @throws if there is no such one */
export function signingKey(text: string): SigningKey {
  const found = signingKeyNames.find((name) => name === text);
  if (!found) throw new Error(`"${text}" is no signing key: choose one of ${signingKeyNames.join(", ")}`);
  return found;
}

/**
 * Has the cluster make a new key in place of one. The old public key stays, so that what it signed still counts. Run
 * again, it makes another one, also where a rotation was interrupted.
 * @param interval milliseconds between two looks at the Job
 * @returns what was done, in two sentences
 * @throws if the Job that makes keys is not there, or fails
 */
export async function rotateKey(cluster: Cluster, key: SigningKey, interval = 500): Promise<string> {
  const before = await idsOf(cluster, key);
  const job = await readJob(cluster);
  await cluster.api(secretOf(key), { method: "DELETE" }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
  const { metadata } = await cluster.api<Job>(jobs, { method: "POST", body: again(job) });
  await finished(cluster, metadata.name, interval);
  const made = (await idsOf(cluster, key)).filter((id) => !before.includes(id));
  if (made.length === 0)
    throw new Error(`the ConfigMap ${signingKeysName} in ${workflowNamespace} has no new key ${key}: rotate it again`);
  const earlier = before.map((id) => id.slice(0, 12));
  const stays = earlier.length > 0 ? ` What ${listed(earlier)} signed still counts.` : "";
  return `The key ${key} is now ${made[0].slice(0, 12)}.${stays}`;
}

async function idsOf(cluster: Cluster, key: SigningKey): Promise<string[]> {
  return (await readPublicKeys(cluster)).filter(({ name }) => name === key).map(({ id }) => id);
}

async function readJob(cluster: Cluster): Promise<Job> {
  try {
    return await cluster.api<Job>(`${jobs}/${signingKeysName}`);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new Error(`the cluster has no Job ${signingKeysName} (${error.message}): run npm start, or pulumi up, first`);
  }
}

/** A Job that does the same as one that has ended. */
function again({ spec: { selector: _, template, ...spec } }: Job): object {
  const labels = Object.entries(template.metadata.labels).filter(([label]) => !ownLabels.test(label));
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { generateName: `${signingKeysName}-`, namespace: workflowNamespace },
    spec: {
      ...spec,
      ttlSecondsAfterFinished: 300,
      template: { ...template, metadata: { labels: Object.fromEntries(labels) } },
    },
  };
}

/** Waits until a Job has ended; its own deadline bounds it. @throws if it failed */
async function finished(cluster: Cluster, name: string, interval: number): Promise<void> {
  for (;;) {
    const { status } = await cluster.api<Job>(`${jobs}/${name}`);
    const failed = status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True");
    if (failed)
      throw new Error(`the Job ${name} failed (${failed.message}): see its pod's log in ${workflowNamespace}`);
    if (status?.succeeded) return;
    await pause(interval);
  }
}
