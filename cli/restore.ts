import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readParameters } from "../client/environments";
import { readFreeze, writeFreeze } from "../client/freeze";
import type { LastRelease } from "../client/last-release";
import { mlflowServerVersion } from "../client/mlflow";
import { listModels } from "../client/models";
import { allFinished, failure, runningSteps, templateOf } from "../client/pipeline-run";
import { type EnvironmentStatus, readBriefStatus } from "../client/pipeline-status";
import { listNewestReleases, listReleases, type Release } from "../client/releases";
import { readVolumes } from "../client/volumes";
import { listWorkflows, pipelineRunWorkflows, submit, type Workflow } from "../client/workflows";
import { mlflowNamespace } from "../components/shared/mlflow-address";
import { workflowNamespace } from "../components/shared/workflow-names";
import { mlflowVersion } from "../images/mlflow-version";
import { counted } from "../lib/counted";
import { deferInterrupts } from "../lib/interrupts";
import type { Cluster } from "../lib/kube-client";
import { runPhases } from "../lib/main";
import { patiently, usualPatience } from "../lib/patience";
import { Phases, type Progress } from "../lib/phases";
import { table } from "../lib/table";
import { timestamp } from "../lib/timestamp";
import { connect } from "../stacks/stack-cluster";
import { mebibytes } from "./backup";
import { type EnvironmentState, holdLastRelease, readEnvironmentStates, titleOf } from "./backups/environments";
import { pushImages, withAppRepository } from "./backups/images";
import { type Backup, canOpen, checkFiles, type Manifest, readBackup } from "./backups/manifest";
import { type Begun, readBegun, readReplicas, withoutMlflow, writeBegun } from "./backups/mlflow-deployment";
import { inContainer, MlflowVolume, type RestoreProgress } from "./backups/mlflow-volume";
import { aloneInCluster } from "./backups/restore-lock";

const usage = `Usage: npm run restore -- <folder> [--replace]

Restores a backup of npm run backup into the running stack. An interrupted restore continues when it is run again.
  --replace  also if MLflow has model versions or records of releases; what it has is kept beside it`;

/** What the restore would replace, as a predicate of MLflow; undefined if there is nothing. */
export async function lossOf(cluster: Cluster): Promise<string | undefined> {
  try {
    const [models, releases] = await Promise.all([listModels(cluster), listReleases(cluster)]);
    if (models.length === 0 && releases.length === 0) return undefined;
    const versions = models.map(({ version }) => version).reverse();
    const named = versions.length > 3 ? `${versions[0]} to ${versions.at(-1)}` : versions.join(", ");
    const records = releases.length === 0 ? "" : `, the newest of ${timestamp(releases[0].startedAt)}`;
    const listed = versions.length === 0 ? "" : ` (${named})`;
    const kept = counted(releases.length, "record of releases", "records of releases");
    return `has ${counted(models.length, "model version")}${listed} and ${kept}${records}`;
  } catch (error) {
    return `does not say what it has (${(error as Error).message})`;
  }
}

/**
 * Whether the restore goes on with one that was interrupted.
 * @throws if it would replace anything and was not told to
 */
export async function beginOrResume(
  cluster: Cluster,
  { id, folder }: Backup,
  replace: boolean,
  now = new Date(),
): Promise<Begun & { isResumed: boolean }> {
  const begun = await readBegun(cluster);
  if (begun?.backup === id) return { ...begun, isResumed: true };
  if (begun && !replace)
    throw new Error(
      `${begun.restore}, of another backup, has not come to its end: run it again, ` +
        `or restore this one instead with npm run restore -- ${folder} --replace`,
    );
  const loss = replace ? undefined : await lossOf(cluster);
  if (loss)
    throw new Error(
      `the stack's MLflow ${loss}, and the restore would put the backup in their place. Nothing has changed. ` +
        `To do that, run npm run restore -- ${folder} --replace: what MLflow has is then kept beside it`,
    );
  const restore = `restore-${timestamp(now).replace(/[^0-9TZ]/g, "")}`;
  const replicas = begun?.replicas ?? (await readReplicas(cluster));
  return { restore, backup: id, replicas, isResumed: false };
}

/** @throws if this stack's MLflow is older than the one that wrote the backup */
export async function checkVersion(cluster: Cluster, { mlflow }: Manifest): Promise<void> {
  // One that does not run is taken to be this program's.
  const own = await mlflowServerVersion(cluster).catch(() => mlflowVersion);
  if (!canOpen(own, mlflow))
    throw new Error(
      `the backup is of MLflow ${mlflow}, and the stack has ${own}, which can't open its tables: ` +
        "update the stack first, with a program that has this version or a newer one",
    );
}

/** The schedules start these every few minutes, and they soon end. */
const shortTemplates = ["notify", "restore-releases", "revert-staging", "shift-traffic", "watch-data-drift"];

/**
 * Whether a Workflow watches canary, perhaps for hours. At each look it reads anew what the environments serve, and it
 * changes the gateway's route alone. An abort, which may follow, changes more.
 */
function isWatch(workflow: Workflow): boolean {
  const steps = runningSteps(workflow).flatMap(({ steps }) => steps);
  return templateOf(workflow) === "shift-traffic" && steps.length === 1 && /^shift(\(\d+\))?$/.test(steps[0].name);
}

/** Workflows that may have read what is replaced. */
const atWork = async (cluster: Cluster): Promise<Workflow[]> =>
  (await listWorkflows(cluster)).filter((workflow) => !allFinished([workflow]) && !isWatch(workflow));

const isShort = (workflow: Workflow): boolean => shortTemplates.includes(templateOf(workflow));

const namesOf = (running: readonly Workflow[]): string => running.map(({ metadata }) => metadata.name).join(", ");

function refusal(running: readonly Workflow[]): Error {
  return new Error(
    `${namesOf(running)} runs in the pipeline, and would continue with what the restore replaces: wait for its end, ` +
      `or stop it with argo stop --namespace ${workflowNamespace} <name>, then run npm run restore again`,
  );
}

/**
 * Refuses to begin while a pipeline run is at work. What the schedules start is not waited for: it may itself wait for
 * an MLflow that only the restore brings back.
 * @throws with the runs' names
 */
export async function refuseRuns(cluster: Cluster): Promise<void> {
  const runs = (await atWork(cluster)).filter((workflow) => !isShort(workflow));
  if (runs.length > 0) throw refusal(runs);
}

/**
 * Waits until no Workflow runs that may have read what was replaced, once MLflow answers again.
 * @throws if a pipeline run is at work, or if one of the schedules does not end
 */
export async function awaitIdle(cluster: Cluster, tell: Progress, seconds = 600): Promise<void> {
  for (const end = Date.now() + seconds * 1000; ; ) {
    const running = await atWork(cluster);
    if (running.length === 0) return;
    if (!running.every(isShort) || Date.now() > end) throw refusal(running);
    tell(`waits for ${namesOf(running)}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/**
 * When the stack came to serve what is restored, in milliseconds since 1970: later than the newest record, even where
 * the clock of this machine is behind the cluster's.
 */
export function restoredAt(newest: Release | undefined, now = new Date()): number {
  const recorded = newest ? (newest.endedAt ?? newest.startedAt).getTime() : 0;
  return Math.max(now.getTime(), recorded + 1);
}

/**
 * Makes each Application hold what the backup says, so that it counts more than a record that a schedule made of what
 * the stack served before.
 * @param base digest of the stack's base image
 * @param at as {@link restoredAt} says it
 */
export async function holdReleases(
  cluster: Cluster,
  wanted: Manifest["environments"],
  found: readonly EnvironmentState[],
  base: string,
  at: number,
): Promise<void> {
  for (const { name, application, lastRelease, released } of found) {
    if (!(name in wanted)) continue;
    const release = wanted[name];
    if (release && release.version !== "base") await holdLastRelease(cluster, application, release, at);
    else if (released || lastRelease)
      await holdLastRelease(cluster, application, { version: "base", digest: base }, at);
  }
}

/** Submits a template and waits for its end. @throws if it fails */
async function runWorkflow(
  cluster: Cluster,
  template: string,
  parameters: Record<string, string>,
  tell: Progress,
): Promise<void> {
  const name = await submit(cluster, template, parameters, { onWait: tell });
  for (;;) {
    const workflows = await patiently(() => pipelineRunWorkflows(cluster, name), tell);
    if (workflows.length === 0) throw new Error(`${name} was deleted before it ended: run npm run restore again`);
    if (allFinished(workflows)) {
      const failed = workflows.find(({ status }) => status?.phase !== "Succeeded");
      if (failed) throw new Error(`${failure(failed)}\nTo try again, run npm run restore again`);
      return;
    }
    tell(name);
    await new Promise((resolve) => setTimeout(resolve, usualPatience.interval));
  }
}

/** Staging on the version of the backup: by a revert, or by a deployment if a version passed after it. */
async function restoreStaging(cluster: Cluster, { environments, time }: Manifest, tell: Progress): Promise<void> {
  const wanted: LastRelease | null = environments.staging ?? null;
  const revert = () => runWorkflow(cluster, "revert-staging", { reason: `the backup of ${time} is restored` }, tell);
  await revert();
  if (!wanted || wanted.version === "base") return;
  const staging = (await readEnvironmentStates(cluster)).find(({ name }) => name === "staging");
  if (staging?.released === wanted.digest) return;
  const parameters = { "model-version": wanted.version.replace("1.0.", ""), digest: wanted.digest };
  await runWorkflow(cluster, "deploy-container-image", parameters, tell);
  await revert();
}

/** One environment after a restore. */
export interface Compared {
  readonly name: string;
  readonly serves: string;
  readonly backup: string;
  readonly isSame: boolean;
}

/** What each environment of the backup serves now, beside what it served then. */
export function compare(wanted: Manifest["environments"], found: readonly EnvironmentStatus[]): Compared[] {
  return Object.entries(wanted).map(([name, release]) => {
    const now = found.find((environment) => environment.name === name);
    const backup = titleOf(release);
    if (!now) return { name, serves: "not in this stack", backup, isSame: false };
    const serves = now.version ?? "no model";
    const isSame = serves === backup && (backup === "no model" || now.digest === release!.digest);
    return { name, serves, backup, isSame };
  });
}

/** Whether MLflow's database, or its artifacts, are in a store of their own. */
type Stores = Pick<RestoreProgress, "database" | "artifacts">;

/** Restores a backup whose files are checked. @returns what each environment serves then */
async function restore(
  cluster: Cluster,
  backup: Backup,
  { isResumed, ...begun }: Begun & { isResumed: boolean },
  phases: Phases,
): Promise<{ compared: Compared[]; stores: Stores }> {
  const { manifest, folder } = backup;
  const who = await cluster.username();
  await writeFreeze(cluster, { who, since: timestamp(new Date()), why: `the backup of ${manifest.time} is restored` });
  await writeBegun(cluster, begun);
  // Before MLflow knows of them, so that nobody looks for an image that is not there yet.
  await phases.run("Released images", async (tell) => {
    const { images, pushed } = await withAppRepository(cluster, async (repository) => {
      const volume = (await readVolumes(cluster)).find(({ owner }) => owner === "the registry");
      return pushImages(repository, folder, tell, volume && volume.capacityBytes - volume.usedBytes);
    });
    return `${images}, of which ${pushed} were missing`;
  });
  let stores: Stores = { database: false, artifacts: false };
  await phases.run("MLflow's database and artifacts", (tell) =>
    deferInterrupts(
      withoutMlflow(cluster, begun.replicas, async (container) => {
        await refuseRuns(cluster);
        const volume = new MlflowVolume(inContainer(cluster, container));
        const { whole, restored, ...found } = await volume.look(begun.restore);
        stores = found;
        if (restored) return;
        if (!whole) await volume.receive(begun.restore, backup, (bytes) => tell(mebibytes(bytes)));
        await volume.exchange(begun.restore);
      }),
    ),
  );
  const base = await baseDigest(cluster);
  const hold = async () => {
    const { releases } = await listNewestReleases(cluster, 1);
    const states = await readEnvironmentStates(cluster);
    await holdReleases(cluster, manifest.environments, states, base, restoredAt(releases[0]));
  };
  // A schedule that had read the Applications before may put on record what they held: it ends, then this is newer.
  await hold();
  await phases.run("Releases", (tell) => awaitIdle(cluster, tell));
  await hold();
  await Promise.all([
    phases.run("Staging", (tell) => restoreStaging(cluster, manifest, tell)),
    phases.run("Environments after staging", (tell) => runWorkflow(cluster, "restore-releases", {}, tell)),
  ]);
  await writeFreeze(cluster, manifest.freeze);
  await writeBegun(cluster, null);
  const { environments, mlflowProblem } = await readBriefStatus(cluster);
  // On a remote cluster, MLflow alone says which version serves.
  if (mlflowProblem) throw new Error(mlflowProblem);
  return { compared: compare(manifest.environments, environments), stores };
}

/**
 * Where the content that a restore has replaced is, and how it is deleted.
 * @param kubectl how a person calls `kubectl` for the cluster
 */
export function keptOf(kubectl: string, restore: string, { database, artifacts }: Stores): string {
  const schema = `before_${restore.replaceAll("-", "_").toLowerCase()}`;
  const path = `/data/before-${restore}`;
  return [
    ...(database
      ? [
          `The tables that MLflow had before are kept in the schema ${schema} of its database. When you no longer ` +
            `need them, drop it there: DROP SCHEMA ${schema} CASCADE`,
        ]
      : []),
    ...(artifacts ? ["The artifacts that MLflow had before are still in its bucket, beside those of the backup."] : []),
    ...(database && artifacts
      ? []
      : [
          `What MLflow had${database || artifacts ? " on its volume" : ""} before is kept in ${path}. When you no ` +
            "longer need it, delete it with " +
            `${kubectl} exec --namespace ${mlflowNamespace} deployment/mlflow -- rm -r ${path}`,
        ]),
  ].join("\n");
}

async function baseDigest(cluster: Cluster): Promise<string> {
  const parameters = await readParameters(cluster);
  return parameters["app-base-image"]!.split("@")[1];
}

/** What a person sees at the end. @param kept what {@link keptOf} says */
export function render(compared: readonly Compared[], name: string, kept: string): string {
  const rows = compared.map(({ name: environment, serves, backup, isSame }) => [
    environment,
    serves,
    backup,
    isSame ? "the same" : "differs",
  ]);
  return [
    table(["ENVIRONMENT", "SERVES", "BACKUP", ""], rows),
    kept,
    compared.every(({ isSame }) => isSame)
      ? `Every environment serves what the backup ${name} says.`
      : `Not every environment serves what the backup ${name} says: see npm run status and npm run history.`,
  ].join("\n\n");
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, replace: { type: "boolean", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 1) throw new Error(usage.split("\n")[0]);
  const cluster = connect();
  const phases = new Phases();
  const backup = await readBackup(resolve(positionals[0]));
  await phases.run("Check of the backup", (tell) => checkFiles(backup, tell));
  const tell = (line: string) => phases.say(line);
  return aloneInCluster(cluster, tell, () => checkAndRestore(cluster, backup, values.replace, phases));
}

/** @returns the exit code */
async function checkAndRestore(cluster: Cluster, backup: Backup, replace: boolean, phases: Phases): Promise<number> {
  const begun = await phases.run("Check of the stack", async () => {
    const found = await beginOrResume(cluster, backup, replace);
    await checkVersion(cluster, backup.manifest);
    await refuseRuns(cluster);
    return found;
  });
  if (begun.isResumed) phases.say(`Continues ${begun.restore}, which was interrupted.`);
  const { compared, stores } = await restore(cluster, backup, begun, phases).catch(async (error: Error) => {
    const frozen = (await readFreeze(cluster).catch(() => undefined)) ? "Promotions stay frozen. " : "";
    throw new Error(
      `${error.message}\nThe restore is not complete. ${frozen}To continue it, run the same command again.`,
    );
  });
  const name = basename(backup.folder);
  console.log(
    `\nRestored in ${phases.elapsed()}.\n\n${render(compared, name, keptOf(cluster.kubectl, begun.restore, stores))}`,
  );
  return compared.every(({ isSame }) => isSame) ? 0 : 1;
}

if (require.main === module) runPhases(main);
