import { releasesExperiment } from "../components/shared/workflow-names";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { mlflow } from "./mlflow";

/** How many pictures were compared, and how many of them got another class than production's, by canary's class. */
interface ComparedPictures {
  readonly compared: number;
  readonly differing: Record<string, number>;
}

/** How far a version's answers in canary were from production's, as `workflows/lib/disagreement.py` writes it. */
interface Disagreement {
  /** The share and the classes, in words. */
  readonly sentence: string;
  /** Users' pictures, of which canary got copies, and those that the pipeline sent to both. */
  readonly copies?: ComparedPictures;
  readonly probes?: ComparedPictures;
}

/** One record of what was done to an environment, as `workflows/lib/release_log.py` writes it. */
export interface Release {
  /** `deploy`, `promote`, `revert` or `restore`; `freeze` or `unfreeze` for the promotions as a whole. */
  readonly action: string;
  readonly environment: string;
  /** `1.0.X`, or null for the base image. */
  readonly version: string | null;
  readonly digest: string | null;
  /** MLflow run that trained the model, and the hash of the data that it learnt from. */
  readonly modelRun: string | null;
  readonly dataSha256: string | null;
  /** What the gates measured, by `gate.figure`. */
  readonly figures: Record<string, number>;
  /** Person, pipeline run or schedule. */
  readonly requestedBy: string;
  readonly workflow: string | null;
  /** `deployed`, `promoted`, `reverted`, `restored`, `refused`, `broken`, `interrupted`; null while it is open. */
  readonly outcome: string | null;
  readonly reason: string;
  /** Whether the environment was told to run something; null on a record of before that was written down. */
  readonly targetChanged: boolean | null;
  /** Of a version that users met in canary; null where nothing was compared. */
  readonly disagreement: Disagreement | null;
  /** What the environment served from its end on, where that changed. */
  readonly serves: { version: string; digest: string } | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

export interface Run {
  info: { run_id: string; start_time: number; end_time?: number };
  data: { tags?: { key: string; value: string }[]; metrics?: { key: string; value: number }[] };
}

/** Largest number of records that MLflow is asked for at once. */
const pageSize = 1000;

/** Every record, newest first. @throws MlflowError if MLflow does not answer */
export async function listReleases(cluster: Cluster): Promise<Release[]> {
  return (await listNewestReleases(cluster, Number.POSITIVE_INFINITY)).releases;
}

/** Which records are listed: all of them without a field. The texts must be checked: MLflow's filter quotes them. */
export interface ReleaseFilter {
  readonly environment?: string;
  readonly action?: string;
  /** `1.0.X`. */
  readonly version?: string;
  /** Time before which they began. */
  readonly before?: Date;
  /** Whether only those are listed that changed what an environment serves; default false. */
  readonly serving?: boolean;
}

/**
 * The newest records, newest first.
 * @param count largest number of records
 */
export async function listNewestReleases(
  cluster: Cluster,
  count: number,
  { environment, action, version, before, serving }: ReleaseFilter = {},
): Promise<{ releases: Release[]; hasOlder: boolean }> {
  const found = await findExperiment(cluster);
  if (!found) return { releases: [], hasOlder: false };
  const conditions = [
    ...(environment ? [`tags.environment = '${environment}'`] : []),
    ...(action ? [`tags.action = '${action}'`] : []),
    ...(version ? [`tags.app_version = '${version}'`] : []),
    ...(serving ? ["tags.serves_digest LIKE 'sha256:%'"] : []),
    ...(before ? [`attributes.start_time < ${before.getTime()}`] : []),
  ];
  const runs: Run[] = [];
  const wanted = count + 1; // One more tells whether there are older ones.
  let token: string | undefined;
  do {
    const page: { runs?: Run[]; next_page_token?: string } =
      (await mlflow(cluster, "runs/search", {
        experiment_ids: [found],
        max_results: Math.min(pageSize, wanted - runs.length),
        order_by: ["attributes.start_time DESC"],
        ...(conditions.length > 0 && { filter: conditions.join(" and ") }),
        ...(token && { page_token: token }),
      })) ?? {};
    runs.push(...(page.runs ?? []));
    token = page.next_page_token;
  } while (token && runs.length < wanted);
  return { releases: runs.slice(0, count).map(parseRelease), hasOlder: runs.length > count };
}

export function parseRelease({ info, data }: Run): Release {
  const tags = Object.fromEntries((data.tags ?? []).map(({ key, value }) => [key, value])) as Record<
    string,
    string | undefined
  >;
  return {
    action: tags.action ?? "unknown",
    environment: tags.environment ?? "-",
    version: tags.app_version ?? null,
    digest: tags.digest || null,
    modelRun: tags.model_run || null,
    dataSha256: tags.data_sha256 ?? null,
    figures: Object.fromEntries((data.metrics ?? []).map(({ key, value }) => [key, value])),
    requestedBy: tags.requested_by ?? "unknown",
    workflow: tags.workflow ?? null,
    outcome: tags.outcome ?? null,
    reason: tags.reason ?? "",
    targetChanged: tags.target_changed === undefined ? null : tags.target_changed === "yes",
    disagreement: parseDisagreement(tags.disagreement ?? ""),
    serves: tags.serves_version ? { version: tags.serves_version, digest: tags.serves_digest ?? "" } : null,
    startedAt: new Date(info.start_time),
    endedAt: info.end_time ? new Date(info.end_time) : null,
  };
}

/** What the tag holds; null if it holds nothing, or a person wrote something else there. */
function parseDisagreement(text: string): Disagreement | null {
  const found = parseJson(text) as Disagreement | null | undefined;
  return typeof found?.sentence === "string" ? found : null;
}

/**
 * The record of the release that an environment ran at a time. Before its first release it ran the base image: the
 * answer is then undefined.
 */
export function servedAt(releases: Release[], environment: string, at: Date): Release | undefined {
  return releases
    .filter(
      (release) => release.environment === environment && release.serves && release.endedAt && release.endedAt <= at,
    )
    .sort((a, b) => b.endedAt!.getTime() - a.endedAt!.getTime())[0];
}

/** Records that a person froze the promotions, or allowed them again. */
export async function recordFreeze(
  cluster: Cluster,
  action: "freeze" | "unfreeze",
  requestedBy: string,
  reason: string,
): Promise<void> {
  const id =
    (await findExperiment(cluster)) ??
    (await mlflow<{ experiment_id: string }>(cluster, "experiments/create", { name: releasesExperiment }))!
      .experiment_id;
  const outcome = action === "freeze" ? "frozen" : "unfrozen";
  const tags = Object.entries({ action, environment: "-", requested_by: requestedBy, reason, outcome }).map(
    ([key, value]) => ({ key, value }),
  );
  const now = Date.now();
  const { run } = (await mlflow<{ run: Run }>(cluster, "runs/create", {
    experiment_id: id,
    run_name: action,
    start_time: now,
    tags,
  }))!;
  await mlflow(cluster, "runs/update", { run_id: run.info.run_id, status: "FINISHED", end_time: now });
}

async function findExperiment(cluster: Cluster): Promise<string | undefined> {
  const found = await mlflow<{ experiment: { experiment_id: string } }>(
    cluster,
    `experiments/get-by-name?experiment_name=${releasesExperiment}`,
  );
  return found?.experiment.experiment_id;
}
