import { workflowNamespace } from "../../components/shared/workflow-names";
import type { Cluster } from "../../lib/kube-client";
import { eachLine } from "../../lib/lines";
import { Refusal } from "./refusal";

interface Pod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status: { readonly phase: string };
}

/** Lines of a log that are shown at its beginning, and characters of one line. */
const newestLines = 2000;
const longestLine = 4000;
/** Characters of one log: a page that follows for longer asks again. */
const longestLog = 10_000_000;
/** Time that a step may be silent, in seconds. */
const silence = 3600;

/**
 * Reads the log of a Workflow's step for as long as it grows.
 * @param id of the step: the id of its node
 * @param onLine takes each line
 * @param signal ends it early
 * @returns why there are no more lines, in one sentence; an empty string where the log has ended
 */
export async function readStepLog(
  cluster: Cluster,
  { workflow, id }: StepName,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const pod = await findPod(cluster, workflow, id);
  if (!pod) return "The step has no pod, so it has no log: it was skipped, or its log is gone.";
  if (pod.status.phase === "Pending") return "The step's pod has not started yet, so it has no log.";
  const query = `container=main&follow=true&tailLines=${newestLines}`;
  const stream = await cluster.stream(`${podsOfWorkflows}/${pod.metadata.name}/log?${query}`, silence);
  const stop = () => stream.destroy();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let left = longestLog;
  eachLine(stream, (line) => {
    // Argo's executor writes to the same log.
    if (line.includes(" argo=true") || left <= 0) return;
    const shown = line.slice(0, longestLine);
    left -= shown.length;
    onLine(shown);
    if (left <= 0) stop();
  });
  const isBroken = await new Promise<boolean>((resolve) => {
    stream.once("end", () => resolve(false));
    stream.once("error", () => resolve(true));
    stream.once("close", () => resolve(true));
  });
  if (left <= 0) return "The log is longer than the board shows: see it with kubectl logs.";
  return isBroken ? "The log broke off." : "";
}

const podsOfWorkflows = `/api/v1/namespaces/${workflowNamespace}/pods`;

/** A step of a Workflow. */
export interface StepName {
  readonly workflow: string;
  readonly id: string;
}

/** @throws Refusal for what cannot be the name of a Workflow and the id of a node */
export function stepNameOf(workflow: string, id: string): StepName {
  if (!isName(workflow) || !isName(id)) throw new Refusal(400, "This names no step of a Workflow.");
  return { workflow, id };
}

const isName = (text: string) => /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text);

/** The step's pod. Its name is made of the node's template too, but its annotation names the node. */
async function findPod(cluster: Cluster, workflow: string, id: string): Promise<Pod | undefined> {
  const selector = encodeURIComponent(`workflows.argoproj.io/workflow=${workflow}`);
  const { items } = await cluster.api<{ items: Pod[] }>(`${podsOfWorkflows}?labelSelector=${selector}`);
  return items.find(({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-id"] === id);
}
