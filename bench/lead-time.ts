import { templateOf } from "../client/pipeline-run";
import type { Workflow, WorkflowNode } from "../client/workflows";

export interface LeadTime {
  readonly total: number;
  readonly training: number;
  readonly gates: number;
  /** Building, deploying, promoting, and all that Argo and Kubernetes add. */
  readonly "everything else": number;
}

/**
 * The seconds between the submission of a model and its promotion, by part. Training and gates are the time of their
 * containers. The start of a pod counts as everything else.
 */
export function leadTime(workflows: Workflow[]): LeadTime {
  const [first] = workflows;
  const promotion = workflows.find((workflow) => templateOf(workflow) === "promote-model");
  if (!promotion?.status?.finishedAt)
    throw new Error(`${first?.metadata.name ?? "the pipeline run"} did not end with a promotion`);
  const total = (Date.parse(promotion.status.finishedAt) - Date.parse(first.metadata.creationTimestamp)) / 1000;
  const training = sum(pods(first).filter(({ displayName }) => displayName.startsWith("train")));
  const gates = sum(
    workflows.flatMap(pods).filter(({ outputs }) => outputs?.parameters?.some(({ name }) => name === "report")),
  );
  return { total, training, gates, "everything else": total - training - gates };
}

function pods(workflow: Workflow): WorkflowNode[] {
  return Object.values(workflow.status?.nodes ?? {}).filter(({ type }) => type === "Pod");
}

function sum(all: WorkflowNode[]): number {
  return all.reduce(
    (seconds, { startedAt, finishedAt }) => seconds + (Date.parse(finishedAt!) - Date.parse(startedAt!)) / 1000,
    0,
  );
}
