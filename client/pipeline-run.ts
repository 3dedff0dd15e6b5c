import { workflowNamespace } from "../components/shared/workflow-names";
import { isRecord } from "../lib/record";
import type { Workflow, WorkflowNode } from "./workflows";

/** The outcome of a pipeline run. */
export interface Outcome {
  /**
   * 0: the model reached its environment, or a collection or a revert that is a run of its own came to its end. 1: the
   * model was turned away or held. 2: it failed.
   */
  readonly exitCode: 0 | 1 | 2;
  /** The same in a word, for people. */
  readonly word: "Promoted" | "Held" | "Turned away" | "Reverted" | "Broken" | "Collected";
  readonly sentence: string;
}

/** One line that a person sees: a Workflow or a step that began or ended. */
export interface PipelineRunEvent {
  /** Identifies this line, so that it is printed once. */
  readonly key: string;
  /** Milliseconds since the epoch at which it happened. */
  readonly at: number;
  readonly depth: 0 | 1;
  readonly name: string;
  readonly phase: string;
  /** Seconds that it took, once it has ended. */
  readonly seconds?: number;
  /** A verdict with its reason, or an error. */
  readonly detail?: string;
}

const broken: Omit<Outcome, "sentence"> = { exitCode: 2, word: "Broken" };
/** Of a revert that is a run of its own. Within another run, `reverted` says that a gate turned the model away. */
const reverted: Omit<Outcome, "sentence"> = { exitCode: 0, word: "Reverted" };
/** Every outcome that a workflow can report, as `OUTCOMES` in `workflows/lib/outputs.py` lists them. */
export const outcomes: Record<string, Omit<Outcome, "sentence">> = {
  promoted: { exitCode: 0, word: "Promoted" },
  held: { exitCode: 1, word: "Held" },
  reverted: { exitCode: 1, word: "Turned away" },
  below_accuracy_bar: { exitCode: 1, word: "Turned away" },
  // A rule of promotion forbids it, and nothing has changed.
  refused: { exitCode: 1, word: "Turned away" },
  collected: { exitCode: 0, word: "Collected" },
  inconclusive: broken,
  broken,
};
const ended = ["Succeeded", "Failed", "Error", "Omitted", "Skipped"];

function isFinished(workflow: Workflow): boolean {
  return ["Succeeded", "Failed", "Error"].includes(workflow.status?.phase ?? "");
}

/** Template that a Workflow runs. */
export function templateOf(workflow: Workflow): string {
  return workflow.spec.workflowTemplateRef?.name ?? workflow.metadata.name;
}

/**
 * A global output parameter of a Workflow. The exit handler's `outcome` and `reason` come first, since it ran last.
 */
export function output(workflow: Workflow, name: string): string | undefined {
  return parameter(workflow, `exit-handler-${name}`) ?? parameter(workflow, name);
}

function parameter(workflow: Workflow, name: string): string | undefined {
  return workflow.status?.outputs?.parameters?.find((candidate) => candidate.name === name)?.value || undefined;
}

/** Everything that has happened in a pipeline run so far, in order of time. */
export function pipelineRunEvents(workflows: Workflow[]): PipelineRunEvent[] {
  return workflows
    .flatMap((workflow) => [...workflowEvents(workflow), ...stepEvents(workflow)])
    .sort((a, b) => a.at - b.at || a.depth - b.depth);
}

/**
 * The outcome of a pipeline run, or undefined while it runs. It has ended when all its Workflows have ended and no
 * other will start. Each Workflow waits for those that it starts, except for the first one.
 */
export function pipelineRunOutcome(workflows: Workflow[]): Outcome | undefined {
  if (workflows.length === 0 || !workflows.every(isFinished)) return undefined;
  const [first] = workflows;
  if (first.status?.phase === "Succeeded" && templateOf(first) === "train-model" && workflows.length === 1)
    return undefined;
  // A revert reports that staging is back. The workflow that started it reports why.
  const reporter = workflows.find(
    (workflow) => output(workflow, "outcome") && (workflow === first || templateOf(workflow) !== "revert-staging"),
  );
  if (reporter) {
    const word = output(reporter, "outcome")!;
    const isRevert = word === "reverted" && templateOf(reporter) === "revert-staging";
    return {
      ...(isRevert ? reverted : (outcomes[word] ?? broken)),
      sentence: [output(reporter, "reason") ?? word, output(reporter, "restored")].filter(Boolean).join("; "),
    };
  }
  // The last workflow that failed is the cause: those before it waited for it, and failed with it.
  const last = workflows.findLast(({ status }) => status?.phase !== "Succeeded");
  return {
    ...broken,
    sentence: last ? failure(last) : "the pipeline run ended without a verdict: see its workflows in Argo",
  };
}

/**
 * The outcome of a pipeline run, one of whose Workflows was deleted before it ended; undefined while others of it run.
 * @param name name of the pipeline run, and of its first Workflow
 * @param earlier the Workflows when they were last read
 */
export function deletedOutcome(
  name: string,
  earlier: readonly Workflow[],
  workflows: readonly Workflow[],
): Outcome | undefined {
  if (!workflows.every(isFinished)) return undefined;
  const names = workflows.map(({ metadata }) => metadata.name);
  const unfinished = earlier.filter((workflow) => !isFinished(workflow)).map(({ metadata }) => metadata.name);
  // The first Workflow was there when it was submitted.
  const expected = earlier.length === 0 && workflows.length === 0 ? [name] : unfinished;
  const deleted = expected.find((candidate) => !names.includes(candidate));
  return deleted === undefined ? undefined : outcomeOfDeletion(`${deleted} was deleted before it ended`);
}

/** The outcome of a pipeline run that waits for a Workflow which train-model has started, and which nobody finds. */
export function lostOutcome(name: string): Outcome {
  return outcomeOfDeletion(`the Workflow that ${name} started was deleted`);
}

/**
 * What becomes of a pipeline run that nobody follows any more, and how to see or stop it.
 * @param kubectl how a person calls it for the cluster
 */
export function goesOn(name: string, workflows: readonly Workflow[], kubectl: string): string {
  // Each waits for the next: the last one that runs is the one at work.
  const atWork = workflows.findLast((workflow) => !isFinished(workflow))?.metadata.name ?? name;
  const patch = '{"spec":{"shutdown":"Stop"}}';
  const stop = `${kubectl} patch workflow ${atWork} --namespace ${workflowNamespace} --type merge --patch '${patch}'`;
  return [
    `${name} goes on in the cluster; it is only no longer shown here.`,
    "To see what becomes of it, run npm run status -- --watch, then npm run history.",
    `To stop it: ${stop}`,
  ].join("\n");
}

function outcomeOfDeletion(reason: string): Outcome {
  return {
    ...broken,
    sentence:
      `${reason}. If it had changed an environment, a schedule restores it within ten minutes. ` +
      "To see what runs, run npm run status. Then run the command again",
  };
}

/** Whether all Workflows of a pipeline run have ended. */
export const allFinished = (workflows: readonly Workflow[]): boolean => workflows.every(isFinished);

/** A Workflow that runs and the steps of it that run; nothing for one that has not begun or has ended. */
export function runningSteps(workflow: Workflow): { name: string; since: string; steps: StepSince[] }[] {
  const { metadata, status } = workflow;
  if (status?.phase !== "Running" || !status.startedAt) return [];
  const steps = pods(workflow)
    .filter(({ phase, startedAt }) => (phase === "Running" || phase === "Pending") && startedAt)
    .map((node) => ({ name: stepName(node), since: node.startedAt! }));
  return [{ name: metadata.name, since: status.startedAt, steps }];
}

/** A step that runs. */
export interface StepSince {
  readonly name: string;
  /** When it began, as the API server writes it. */
  readonly since: string;
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
      phase: hasBadVerdict(node) ? "Failed" : node.phase,
      seconds: seconds(node.startedAt!, node.finishedAt!),
      detail: stepDetail(node),
    }));
}

/** A gate succeeds when it has judged, whatever its verdict. Its line shows the verdict. */
function hasBadVerdict(node: WorkflowNode): boolean {
  const verdict = reportOf(node)?.verdict;
  return verdict === "fail" || verdict === "inconclusive";
}

/** What a gate has found, as its step reports it. */
export function reportOf(node: WorkflowNode): { verdict?: string; reason?: string } | undefined {
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
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function pods(workflow: Workflow): WorkflowNode[] {
  return Object.values(workflow.status?.nodes ?? {})
    .filter(isPod)
    .sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
}

/** Steps that were skipped, without the exit handlers that were not needed. */
function skipped(workflow: Workflow): WorkflowNode[] {
  return Object.values(workflow.status?.nodes ?? {}).filter(isSkipped);
}

const isPod = ({ type }: WorkflowNode) => type === "Pod";
const isSkipped = ({ type, name }: WorkflowNode) => type === "Skipped" && !name.includes(".onExit");

/** Whether a node is a step that a person sees, and not what Argo groups steps by. */
export const isStep = (node: WorkflowNode): boolean => isPod(node) || isSkipped(node);

/** Argo appends the number of the try to a step's name, from 0. The first try is shown without it. */
export function stepName({ displayName }: WorkflowNode): string {
  return displayName.replace(/\(0\)$/, "");
}

function seconds(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
