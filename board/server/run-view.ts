import {
  allFinished,
  isStep,
  lostOutcome,
  output,
  pipelineRunOutcome,
  reportOf,
  stepName,
  templateOf,
} from "../../client/pipeline-run";
import { requesterOf, type Workflow, type WorkflowNode } from "../../client/workflows";
import { cronLabel, pipelineRunLabel } from "../../components/shared/workflow-names";
import type { RunView, StepView } from "../api";

/** Largest number of pipeline runs that are shown. */
const mostRuns = 20;
/** Time after which the Workflow that a training has started is there, in ms. */
const patience = 60_000;

/** Pipeline runs in progress, then those that ended last, newest first; without what runs by a schedule all day. */
export function runViews(workflows: readonly Workflow[], now: Date): RunView[] {
  const runs = [...byRun(workflows)].filter(([, [first]]) => !isHousekeeping(first));
  const views = runs.map(([name, ofRun]) => runView(name, ofRun, now));
  const newestFirst = (a: RunView, b: RunView) =>
    b.startedAt.localeCompare(a.startedAt) || b.name.localeCompare(a.name);
  const [inProgress, ended] = [views.filter(({ outcome }) => !outcome), views.filter(({ outcome }) => outcome)];
  return [...inProgress.sort(newestFirst), ...ended.sort(newestFirst)].slice(0, mostRuns);
}

/** The Workflows of each pipeline run, oldest first. */
function byRun(workflows: readonly Workflow[]): Map<string, Workflow[]> {
  const runs = new Map<string, Workflow[]>();
  const oldestFirst = [...workflows].sort(
    (a, b) =>
      a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
  for (const workflow of oldestFirst) {
    const name = workflow.metadata.labels?.[pipelineRunLabel] ?? workflow.metadata.name;
    runs.set(name, [...(runs.get(name) ?? []), workflow]);
  }
  return runs;
}

/** Every schedule but that of the trainings looks whether there is something to do, every few minutes. */
const isHousekeeping = (first: Workflow): boolean =>
  first.metadata.labels?.[cronLabel] !== undefined && templateOf(first) !== "train-model";

function runView(name: string, workflows: Workflow[], now: Date): RunView {
  const [first] = workflows;
  const ends = workflows.map(({ status }) => status?.finishedAt ?? "").sort();
  const lastEnd = ends.at(-1) || null;
  const isLost = allFinished(workflows) && lastEnd !== null && now.getTime() - Date.parse(lastEnd) > patience;
  const outcome = pipelineRunOutcome(workflows) ?? (isLost ? lostOutcome(name) : undefined);
  return {
    name,
    template: templateOf(first),
    version: versionOf(workflows),
    requestedBy: requesterOf(first),
    startedAt: first.status?.startedAt ?? first.metadata.creationTimestamp,
    finishedAt: outcome ? lastEnd : null,
    outcome: outcome ? { word: outcome.word, sentence: outcome.sentence } : null,
    steps: workflows.flatMap(stepViews),
  };
}

/** Number of the version: of the one that was trained, or that somebody asked for. */
function versionOf(workflows: readonly Workflow[]): string | null {
  const numbers = workflows.flatMap((workflow) => [
    output(workflow, "version"),
    ...["model-version", "failed-version"].map((name) => argument(workflow, name)),
  ]);
  const number = numbers.find((text) => text && /^[1-9]\d*$/.test(text));
  return number ? `1.0.${number}` : null;
}

const argument = ({ spec }: Workflow, name: string): string | undefined =>
  spec.arguments?.parameters?.find((parameter) => parameter.name === name)?.value;

function stepViews({ metadata, status }: Workflow): StepView[] {
  return Object.entries(status?.nodes ?? {})
    .filter(([, node]) => isStep(node))
    .sort(([, a], [, b]) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""))
    .map(([id, node]) => ({
      workflow: metadata.name,
      id,
      name: stepName(node),
      phase: node.phase,
      startedAt: node.startedAt ?? null,
      finishedAt: node.finishedAt ?? null,
      verdict: verdictOf(node),
      message: ["Failed", "Error"].includes(node.phase) ? (node.message ?? "") : "",
    }));
}

function verdictOf(node: WorkflowNode): StepView["verdict"] {
  const { verdict, reason } = reportOf(node) ?? {};
  return typeof verdict === "string" && typeof reason === "string" ? { verdict, reason } : null;
}
