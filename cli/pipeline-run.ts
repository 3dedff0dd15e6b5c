import type { Workflow, WorkflowNode } from "./workflows";

/** What became of a chain of workflows. */
export interface Outcome {
  /** 0: the model reached its environment. 1: it was turned away, or held. 2: something broke. */
  readonly exitCode: 0 | 1 | 2;
  /** The same in a word, for people. */
  readonly word: "Promoted" | "Held" | "Turned away" | "Broken";
  readonly sentence: string;
}

/** One line that a person sees: a Workflow or a step that began or ended. */
export interface PipelineRunEvent {
  /** Stands for this line alone, so that it is printed once. */
  readonly key: string;
  /** Milliseconds since the epoch at which it happened. */
  readonly at: number;
  readonly depth: 0 | 1;
  readonly name: string;
  readonly phase: string;
  /** Seconds that it took, once it has ended. */
  readonly seconds?: number;
  /** What it says of itself: a verdict with its reason, or an error. */
  readonly detail?: string;
}

/** What a workflow may say of its model, as `workflows/lib/outputs.py` writes it. */
const outcomes: Record<string, Omit<Outcome, "sentence">> = {
  promoted: { exitCode: 0, word: "Promoted" },
  held: { exitCode: 1, word: "Held" },
  reverted: { exitCode: 1, word: "Turned away" },
  below_accuracy_bar: { exitCode: 1, word: "Turned away" },
};
const broken: Omit<Outcome, "sentence"> = { exitCode: 2, word: "Broken" };
const ended = ["Succeeded", "Failed", "Error", "Omitted", "Skipped"];

export function isFinished(workflow: Workflow): boolean {
  return ["Succeeded", "Failed", "Error"].includes(workflow.status?.phase ?? "");
}

/** Template that a Workflow runs. */
export function templateOf(workflow: Workflow): string {
  return workflow.spec.workflowTemplateRef?.name ?? workflow.metadata.name;
}

/** A global output parameter of a Workflow; what its exit handler says of `outcome` and `reason` comes first, since it came last. */
export function output(workflow: Workflow, name: string): string | undefined {
  return parameter(workflow, `exit-handler-${name}`) ?? parameter(workflow, name);
}

function parameter(workflow: Workflow, name: string): string | undefined {
  return workflow.status?.outputs?.parameters?.find((one) => one.name === name)?.value || undefined;
}

/** Everything that has happened in a chain so far, in order of time. */
export function pipelineRunEvents(workflows: Workflow[]): PipelineRunEvent[] {
  return workflows
    .flatMap((workflow) => [...workflowEvents(workflow), ...stepEvents(workflow)])
    .sort((a, b) => a.at - b.at || a.depth - b.depth);
}

/**
 * The outcome of a chain, or undefined while it goes on. A chain has ended when every Workflow of it has, and
 * none that was handed on is still to come: each one waits for those that it starts, but for the first.
 */
export function pipelineRunOutcome(workflows: Workflow[]): Outcome | undefined {
  if (workflows.length === 0 || !workflows.every(isFinished)) return undefined;
  const [first] = workflows;
  if (first.status?.phase === "Succeeded" && templateOf(first) === "train-model" && workflows.length === 1)
    return undefined;
  // A revert says that staging is back; why, says the workflow that asked for it.
  const speaker = workflows.find(
    (workflow) => output(workflow, "outcome") && (workflow === first || templateOf(workflow) !== "revert-staging"),
  );
  if (speaker) {
    const word = output(speaker, "outcome")!;
    return {
      ...(outcomes[word] ?? broken),
      sentence: [output(speaker, "reason") ?? word, output(speaker, "restored")].filter(Boolean).join("; "),
    };
  }
  // The last one that failed is the cause; those that waited for it failed with it.
  const last = workflows.findLast(({ status }) => status?.phase !== "Succeeded");
  return {
    ...broken,
    sentence: last ? failure(last) : "the chain ended without a verdict: look at its workflows in Argo",
  };
}

/** Why a Workflow failed: the message of the step that failed first, or its own. */
export function failure(workflow: Workflow): string {
  const step = pods(workflow).find(({ phase }) => phase === "Failed" || phase === "Error");
  const reason =
    step?.outputs?.parameters?.find(({ name }) => name === "reason")?.value ||
    step?.message ||
    workflow.status?.message;
  return `${workflow.metadata.name}${step ? `, step ${stepName(step)}` : ""}: ${reason ?? workflow.status?.phase}`;
}

function workflowEvents(workflow: Workflow): PipelineRunEvent[] {
  const { metadata, status } = workflow;
  if (!status?.startedAt) return [];
  const begin: PipelineRunEvent = {
    key: metadata.name,
    at: Date.parse(status.startedAt),
    depth: 0,
    name: metadata.name,
    phase: "Running",
  };
  if (!isFinished(workflow) || !status.finishedAt) return [begin];
  const detail =
    [output(workflow, "outcome"), output(workflow, "reason")].filter(Boolean).join(": ") ||
    (status.phase === "Succeeded" ? undefined : status.message);
  return [
    begin,
    {
      ...begin,
      key: `${metadata.name}/end`,
      at: Date.parse(status.finishedAt),
      phase: status.phase!,
      seconds: seconds(status.startedAt, status.finishedAt),
      detail,
    },
  ];
}

function stepEvents(workflow: Workflow): PipelineRunEvent[] {
  return [...pods(workflow), ...skipped(workflow)]
    .filter(({ phase, finishedAt }) => ended.includes(phase) && finishedAt)
    .map((node) => ({
      key: `${workflow.metadata.name}/${node.displayName}/${node.finishedAt}`,
      at: Date.parse(node.finishedAt!),
      depth: 1 as const,
      name: stepName(node),
      phase: turnedDown(node) ? "Failed" : node.phase,
      seconds: seconds(node.startedAt!, node.finishedAt!),
      detail: stepDetail(node),
    }));
}

/** A gate ends well when it has judged, whatever its verdict: people want to see the verdict. */
function turnedDown(node: WorkflowNode): boolean {
  const verdict = reportOf(node)?.verdict;
  return verdict === "fail" || verdict === "inconclusive";
}

function reportOf(node: WorkflowNode): { verdict?: string; reason?: string } | undefined {
  const report = node.outputs?.parameters?.find(({ name }) => name === "report")?.value;
  return report ? tryParse(report) : undefined;
}

function stepDetail(node: WorkflowNode): string | undefined {
  const parsed = reportOf(node);
  if (parsed) return `${parsed.verdict}: ${parsed.reason}`;
  return node.phase === "Failed" || node.phase === "Error" ? node.message : undefined;
}

function tryParse(text: string): { verdict?: string; reason?: string } | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function pods(workflow: Workflow): WorkflowNode[] {
  return Object.values(workflow.status?.nodes ?? {})
    .filter(({ type }) => type === "Pod")
    .sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
}

/** Steps that were left out; an exit handler that wasn't needed is no news. */
function skipped(workflow: Workflow): WorkflowNode[] {
  return Object.values(workflow.status?.nodes ?? {}).filter(
    ({ type, name }) => type === "Skipped" && !name.includes(".onExit"),
  );
}

/** Argo counts the tries of a step, from 0, behind its name: only those after the first are worth showing. */
function stepName({ displayName }: WorkflowNode): string {
  return displayName.replace(/\(0\)$/, "");
}

function seconds(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
