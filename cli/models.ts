import { modelName } from "../images/model";
import type { Cluster } from "../lib/kube-client";
import { mlflow } from "./mlflow";

/** A registered version, with what the pipeline recorded about it. */
export interface Model {
  /** Version of the app that serves it: `1.0.X`. */
  readonly version: string;
  readonly aliases: string[];
  /** Digest of the image that was built for it last, or null. */
  readonly digest: string | null;
  /** Verdict of each gate: `pass`, `fail`, `inconclusive` or `skipped`, with its reason. */
  readonly verdicts: Record<string, { verdict: string; reason: string }>;
}

interface Registered {
  registered_model?: { aliases?: { alias: string; version: string }[] };
}
interface Found {
  model_versions?: { version: string; aliases?: string[]; tags?: { key: string; value: string }[] }[];
}

/** Every registered version, newest first; none before the first training. @throws if MLflow is unreachable */
export async function listModels(cluster: Cluster): Promise<Model[]> {
  const registered = await mlflow<Registered>(cluster, `registered-models/get?name=${modelName}`);
  if (!registered) return [];
  const aliases = registered.registered_model?.aliases ?? [];
  const filter = encodeURIComponent(`name='${modelName}'`);
  const { model_versions = [] } =
    (await mlflow<Found>(cluster, `model-versions/search?filter=${filter}&max_results=1000`)) ?? {};
  return model_versions
    .sort((a, b) => Number(b.version) - Number(a.version))
    .map(({ version, tags = [] }) => ({
      version: `1.0.${version}`,
      aliases: aliases
        .filter((alias) => alias.version === version)
        .map(({ alias }) => alias)
        .sort(),
      digest: tags.find(({ key }) => key === "image_digest")?.value ?? null,
      verdicts: Object.fromEntries(
        tags
          .filter(({ key }) => key.startsWith("gate."))
          .map(({ key, value }) => [key.slice("gate.".length), verdict(value)]),
      ),
    }));
}

function verdict(tag: string): { verdict: string; reason: string } {
  const { verdict: word, reason } = JSON.parse(tag) as { verdict: string; reason: string };
  return { verdict: word, reason };
}
