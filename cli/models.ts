import { mlflowAddress, mlflowNamespace, mlflowPort } from "../components/mlflow-address";
import { Cluster } from "./cluster";

const modelName = "GourmetGramFood11Model";

/** One registered version with what the pipeline wrote of it. */
export interface Model {
  /** Version of the app that serves it: `1.0.X`. */
  readonly version: string;
  readonly aliases: string[];
  /** Verdict of each gate: `pass`, `fail`, `inconclusive` or `skipped`, with its reason. */
  readonly verdicts: Record<string, { verdict: string; reason: string }>;
}

interface Answer {
  model_versions?: { version: string; aliases?: string[]; tags?: { key: string; value: string }[] }[];
  registered_model?: { aliases?: { alias: string; version: string }[] };
  error_code?: string;
}

/** Every registered version, newest first; none before the first training. @throws when MLflow doesn't answer */
export async function listModels(cluster: Cluster): Promise<Model[]> {
  const registered = await call(cluster, `registered-models/get?name=${modelName}`);
  if (registered.error_code === "RESOURCE_DOES_NOT_EXIST") return [];
  const aliases = registered.registered_model?.aliases ?? [];
  const filter = encodeURIComponent(`name='${modelName}'`);
  const { model_versions = [] } = await call(cluster, `model-versions/search?filter=${filter}&max_results=1000`);
  return model_versions
    .sort((a, b) => Number(b.version) - Number(a.version))
    .map(({ version, tags = [] }) => ({
      version: `1.0.${version}`,
      aliases: aliases.filter((each) => each.version === version).map(({ alias }) => alias).sort(),
      verdicts: Object.fromEntries(tags.filter(({ key }) => key.startsWith("gate.")).map(({ key, value }) => [key.slice("gate.".length), verdict(value)])),
    }));
}

function verdict(tag: string): { verdict: string; reason: string } {
  const { verdict: word, reason } = JSON.parse(tag) as { verdict: string; reason: string };
  return { verdict: word, reason };
}

async function call(cluster: Cluster, path: string): Promise<Answer> {
  const { status, text } = await cluster.service(mlflowNamespace, "mlflow", mlflowPort, `/api/2.0/mlflow/${path}`, { headers: { host: mlflowAddress } });
  if (status !== 200 && status !== 404) throw new Error(`MLflow answered with ${status}: look at it with kubectl logs --namespace ${mlflowNamespace} deployment/mlflow`);
  return JSON.parse(text) as Answer;
}
