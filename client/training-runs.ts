import type { Cluster } from "../lib/kube-client";
import { mlflow } from "./mlflow";
import type { Run } from "./releases";

/** What the training of a model recorded. */
export interface TrainingRun {
  readonly tags: Readonly<Record<string, string>>;
  /** As `images/train/judgement.py` names them: `accuracy`, `accuracy.class.Bread`, `production_accuracy`, ... */
  readonly metrics: Readonly<Record<string, number>>;
}

const experimentName = "gourmetgram-train";

/**
 * The trainings of models, by the id of their MLflow run; those that MLflow no longer has are left out.
 * @param ids at most 1000
 */
export async function readTrainingRuns(
  cluster: Cluster,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TrainingRun>> {
  const known = ids.filter((id) => /^[0-9a-f]{32}$/.test(id));
  const experiment = await mlflow<{ experiment: { experiment_id: string } }>(
    cluster,
    `experiments/get-by-name?experiment_name=${experimentName}`,
  );
  if (known.length === 0 || !experiment) return new Map();
  const { runs = [] } =
    (await mlflow<{ runs?: Run[] }>(cluster, "runs/search", {
      experiment_ids: [experiment.experiment.experiment_id],
      filter: `attributes.run_id IN (${known.map((id) => `'${id}'`).join(", ")})`,
      max_results: 1000,
    })) ?? {};
  return new Map(runs.map(({ info, data }) => [info.run_id, trainingRun(data)]));
}

const trainingRun = ({ tags = [], metrics = [] }: Run["data"]): TrainingRun => ({
  tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
  metrics: Object.fromEntries(metrics.map(({ key, value }) => [key, value])),
});
