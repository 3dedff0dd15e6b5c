import type { Cluster } from "../lib/kube-client";
import { requireParameters } from "./environments";
import { type Figures, readFigures } from "./figures";
import { runningSteps, type StepSince } from "./pipeline-run";
import { type BriefStatus, readBriefStatus } from "./pipeline-status";
import { listWorkflows } from "./workflows";

/** A Workflow that runs, with the steps of it that run. */
interface RunningWorkflow {
  readonly name: string;
  readonly since: string;
  readonly steps: StepSince[];
}

/** What one look at the pipeline saw. */
export interface Live {
  readonly status: BriefStatus;
  readonly running: RunningWorkflow[];
  /** By environment; null in a stack without monitoring, a sentence where Prometheus cannot be asked. */
  readonly figures: Record<string, Figures> | null | string;
}

/** Models that one look asks MLflow for, beside those that run. */
const models = 5;

/** One look at the pipeline. A Prometheus that does not answer hides nothing else. */
export async function readLive(cluster: Cluster): Promise<Live> {
  const parameters = await requireParameters(cluster);
  const [status, workflows, figures] = await Promise.all([
    readBriefStatus(cluster, { newest: models, parameters }),
    listWorkflows(cluster),
    readFigures(cluster, parameters).catch((error: Error) => error.message),
  ]);
  return { status, running: workflows.flatMap(runningSteps), figures };
}
