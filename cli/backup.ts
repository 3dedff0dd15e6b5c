import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readFreeze } from "../client/freeze";
import { mlflowServerVersion } from "../client/mlflow";
import { listVersionTags, type VersionTags } from "../client/models";
import { listReleases } from "../client/releases";
import { mlflowNamespace } from "../components/shared/mlflow-address";
import { collectedTag } from "../components/shared/workflow-names";
import { currentStack } from "../config";
import { counted } from "../lib/counted";
import { isDigest } from "../lib/digest";
import type { Cluster } from "../lib/kube-client";
import { runPhases } from "../lib/main";
import { patiently, usualPatience, waitLine } from "../lib/patience";
import { Phases } from "../lib/phases";
import { readyPod } from "../lib/port-forward";
import { table } from "../lib/table";
import { timestamp } from "../lib/timestamp";
import { connect } from "../stacks/stack-cluster";
import {
  type EnvironmentState,
  lostEnvironments,
  readEnvironmentStates,
  recordedStates,
  titleOf,
} from "./backups/environments";
import { saveImages, withAppRepository } from "./backups/images";
import {
  artifactsFile,
  databaseFile,
  imagesFolder,
  type Manifest,
  manifestFile,
  manifestText,
  unfinishedFolder,
} from "./backups/manifest";
import { inContainer, MlflowVolume } from "./backups/mlflow-volume";

const usage = `Usage: npm run backup -- <folder>

Writes a backup of the running stack to a new folder: MLflow's database and artifacts, the released images, and the
freeze. Nothing in the cluster changes. To restore it, run npm run restore -- <folder>.`;

/** Whether staging can be reverted to a version: it passed there, and its files were not collected since. */
const hasGoodImage = (tags: VersionTags["tags"]): boolean => tags["staging.verdict"] === "pass" && !tags[collectedTag];

/**
 * Digests of the images that a restored stack needs, each with a name for people: what an environment runs or last came
 * to serve, what staging can be reverted to, and what those were built on.
 */
export function neededImages(
  environments: readonly EnvironmentState[],
  versions: readonly VersionTags[],
): Map<string, string> {
  const names = new Map<string, string>();
  const add = (digest: string | null | undefined, name: string) => {
    if (digest && isDigest(digest) && !names.has(digest)) names.set(digest, name);
  };
  for (const { version, tags } of versions) {
    const name = `1.0.${version}`;
    const verified = hasGoodImage(tags) ? tags["staging.digest"] : undefined;
    const isHeld = environments.some(({ lastRelease, released }) =>
      [lastRelease?.digest, released].includes(tags.image_digest),
    );
    add(verified, name);
    if (isHeld) add(tags.image_digest, name);
    // An image that the registry loses later is built again on it.
    if (verified || isHeld) add(tags.image_base, `base of ${name}`);
  }
  for (const { name, lastRelease, released } of environments) {
    if (lastRelease?.version !== "base") add(lastRelease?.digest, `${lastRelease?.version}, last of ${name}`);
    add(released, `run by ${name}`);
  }
  return names;
}

/**
 * What each environment is to serve after a restore. Canary and production hold it in their Application. Staging's runs
 * what is tested there now; it goes back to what it runs if that has passed, or to what passed last, as
 * `workflows/steps/revert.py` decides.
 */
export function lastReleases(
  environments: readonly EnvironmentState[],
  versions: readonly VersionTags[],
): Manifest["environments"] {
  const passed = versions
    .filter(({ tags }) => hasGoodImage(tags) && isDigest(tags["staging.digest"] ?? ""))
    .sort((a, b) => verdictTime(b).localeCompare(verdictTime(a)) || Number(b.version) - Number(a.version));
  const goodOf = (released: string | null) =>
    passed.find(({ tags }) => tags["staging.digest"] === released) ?? passed.at(0);
  return Object.fromEntries(
    environments.map(({ name, lastRelease, released }) => {
      const good = name === "staging" ? goodOf(released) : undefined;
      if (!good) return [name, lastRelease];
      return [name, { version: `1.0.${good.version}`, digest: good.tags["staging.digest"] }];
    }),
  );
}

const verdictTime = ({ tags }: VersionTags): string => tags["staging.verdict_at"] ?? "";

/** What a run of {@link backUp} did, besides the manifest. */
export interface Saved {
  readonly manifest: Manifest;
  /** Number of secrets in MLflow that were left out. */
  readonly secrets: number;
  /** Environments that have no Application. Of them the backup has what the record of releases says. */
  readonly lost: readonly string[];
}

/** Fills a folder, the manifest last. An API server that is unreachable for some seconds is waited for. */
export async function backUp(
  cluster: Cluster,
  volume: MlflowVolume,
  folder: string,
  phases: Phases,
  patience = usualPatience,
): Promise<Saved> {
  const say = (reason: string) => phases.say(waitLine(reason, patience.bound));
  const read = <T>(work: () => Promise<T>) => patiently(work, say, patience);
  const [mlflow, found, freeze] = await read(() =>
    Promise.all([mlflowServerVersion(cluster), readEnvironmentStates(cluster), readFreeze(cluster)]),
  );
  // Before the database, so that it has all that these say: staging may pass another version meanwhile.
  const versions = await read(() => listVersionTags(cluster));
  const releases = await read(() => listReleases(cluster));
  // It comes before the artifacts: what is trained meanwhile adds artifacts alone. A collection meanwhile deletes those
  // of versions that nothing keeps: of them the backup has the figures.
  const database = await phases.run("MLflow's database", (tell) =>
    volume.saveDatabase(join(folder, databaseFile), (bytes) => tell(mebibytes(bytes))),
  );
  const artifacts = await phases.run("MLflow's artifacts", (tell) =>
    volume.saveArtifacts(join(folder, artifactsFile), (bytes) => tell(mebibytes(bytes))),
  );
  const lost = await read(() => lostEnvironments(cluster, found));
  const environments = [...found, ...recordedStates(lost, releases)];
  const images = await phases.run("Released images", (tell) =>
    read(() =>
      withAppRepository(cluster, (repository) =>
        saveImages(repository, neededImages(environments, versions), folder, tell),
      ),
    ),
  );
  const { secrets, ...databaseEntry } = database;
  const manifest: Manifest = {
    time: timestamp(new Date()),
    stack: currentStack(),
    mlflow,
    environments: lastReleases(environments, versions),
    freeze: freeze ?? null,
    models: versions.length,
    releases: releases.length,
    lostImages: images.lost,
    files: [databaseEntry, artifacts, ...images.files],
  };
  await writeFile(join(folder, manifestFile), manifestText(manifest), { mode: 0o600 });
  return { manifest, secrets, lost };
}

/**
 * Makes the folder that a backup is written to until it is whole; what an interrupted one left there goes, but for the
 * images, which are checked before they are used again.
 * @throws if the backup's own folder exists
 */
export async function prepareFolder(folder: string): Promise<string> {
  if (existsSync(folder))
    throw new Error(`${folder} exists, and a backup overwrites nothing: name a folder that does not exist`);
  const parent = dirname(folder);
  if (!existsSync(parent)) throw new Error(`there is no folder ${parent}: make it, or name another one`);
  const unfinished = unfinishedFolder(folder);
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  for (const name of [databaseFile, artifactsFile, manifestFile, join(imagesFolder, "index.json")])
    await rm(join(unfinished, name), { force: true });
  return unfinished;
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** What a person sees of a backup. */
export function render({ manifest, secrets, lost }: Saved, folder: string): string {
  const { environments, models, releases, files, lostImages } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const lines = [
    `${folder} holds ${counted(models, "model version")} and ` +
      `${counted(releases, "record of releases", "records of releases")}, ${mebibytes(bytes)} in all.`,
    table(
      ["ENVIRONMENT", "VERSION", "DIGEST"],
      Object.entries(environments).map(([name, release]) => [
        name,
        titleOf(release),
        release && release.version !== "base" ? release.digest : "-",
      ]),
    ),
  ];
  for (const name of lost) {
    const has =
      name in environments
        ? `the backup has ${titleOf(environments[name])} for it, as the record of releases says`
        : "the record of releases names nothing that it served, so the backup leaves it out";
    lines.push(`${name} has no Application in Argo CD: ${has}. To make it again, run npm start of its stack.`);
  }
  if (lostImages.length > 0)
    lines.push(
      `The registry has lost ${lostImages.join(", ")}: the pipeline builds such an image again from its model.`,
    );
  if (secrets > 0)
    lines.push(`${secrets} secrets that are stored in MLflow are not in the backup: write them again after a restore.`);
  return lines.join("\n\n");
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 1) throw new Error(usage.split("\n")[0]);
  process.umask(0o077);
  const folder = resolve(positionals[0]);
  const cluster = connect();
  const phases = new Phases();
  const unfinished = await prepareFolder(folder);
  const pod = await patiently(
    () => readyPod(cluster, mlflowNamespace, "app=mlflow"),
    (reason) => phases.say(waitLine(reason)),
  );
  if (!pod) throw new Error("MLflow does not run: run npm run status, and back up when it does");
  const container = { namespace: mlflowNamespace, pod: pod.metadata.name, container: "mlflow" };
  const saved = await backUp(cluster, new MlflowVolume(inContainer(cluster, container)), unfinished, phases);
  await rename(unfinished, folder);
  console.log(`\nBacked up in ${phases.elapsed()}: ${render(saved, basename(folder))}`);
  return 0;
}

if (require.main === module) runPhases(main);
