import { parseArgs } from "node:util";
import { describeApproval } from "../client/approvals";
import { describeDataDrift } from "../client/data-drift";
import { readLive } from "../client/live";
import type { Model } from "../client/models";
import {
  type BriefStatus,
  describeLost,
  newestModels,
  readBriefStatus,
  readStatus,
  type Status,
} from "../client/pipeline-status";
import { describeSplit } from "../client/traffic-split";
import { fullVolumes, readVolumes } from "../client/volumes";
import { noApplication } from "../lib/health";
import { listed } from "../lib/listed";
import { runMain } from "../lib/main";
import { pageTitles } from "../lib/page-titles";
import { table } from "../lib/table";
import { connect } from "../stacks/stack-cluster";
import { renderLive, watch } from "./live";

/** What runs or has an alias first, then the others, each newest first. */
function inUseFirst({ models, environments }: Status): Model[] {
  const number = ({ version }: Model) => Number(version.split(".").at(-1));
  const isInUse = (model: Model) =>
    model.aliases.length > 0 || environments.some(({ version }) => version === model.version);
  return [...models].sort((a, b) => Number(isInUse(b)) - Number(isInUse(a)) || number(b) - number(a));
}

/**
 * What MLflow says that differs from what the environments serve. Staging also runs models that are still tested: its
 * alias may be on one, and one that MLflow lost is reverted.
 */
function mismatches({ environments, models, mlflowProblem }: Status): string[] {
  if (mlflowProblem) return [];
  const [staging, ...later] = environments;
  const releases = staging?.version === staging?.lastRelease ? environments : later;
  const has = (served: string) => served === "base" || models.some(({ version }) => version === served);
  const lost = new Set(releases.flatMap(({ lastRelease }) => (lastRelease && !has(lastRelease) ? lastRelease : [])));
  const gone = [...lost].map((version) => {
    const names = releases.filter(({ lastRelease }) => lastRelease === version).map(({ name }) => name);
    const goesOn = names.length === 1 ? "serves. It goes on serving it." : "serve. They go on serving it.";
    return `MLflow no longer has ${version}, which ${listed(names)} ${goesOn}`;
  });
  const moved = releases.flatMap(({ name, lastRelease }) => {
    if (!lastRelease || lost.has(lastRelease)) return [];
    const holder = models.find(({ aliases }) => aliases.includes(name))?.version;
    if (lastRelease === (holder ?? "base")) return [];
    const serves = lastRelease === "base" ? "no model" : lastRelease;
    return [
      `The alias ${name} is on ${holder ?? "no version"}, but ${name} serves ${serves}: ` +
        "it is put right within ten minutes.",
    ];
  });
  return [...gone, ...moved];
}

/** Environments that run a model, and do not say by which release. */
function unknownReleases({ environments }: Status): string[] {
  return environments.flatMap(({ name, version, lastRelease, health }, index) => {
    // On a remote cluster, the base image is unknown too. Without an Application, that is what is said.
    if (lastRelease || version === null || version === "unknown" || health === noApplication) return [];
    const next = index === 0 ? "train a model" : "promote a version to it";
    return [
      `${name} runs ${version}, and its Application does not say by which release. ` +
        `If that is not put right within ten minutes, ${next}.`,
    ];
  });
}

/** The models as a table, or why there is none. */
function describeModels(status: Status | BriefStatus): string {
  if (status.mlflowProblem) return `Nothing is known of the models. ${status.mlflowProblem}`;
  if (status.models.length === 0) return "No model yet. To train one, run npm run train -- normal";
  const older = "older" in status ? status.older : 0;
  const verdicts = ({ verdicts: given, collected, withdrawn }: Model) =>
    [
      ...Object.entries(given).map(([gate, { verdict }]) => `${gate} ${verdict}`),
      ...(withdrawn === null ? [] : ["withdrawn"]),
      ...(collected ? [`collected ${collected}`] : []),
    ].join(", ");
  const rows = inUseFirst(status).map((model) => [
    model.version,
    model.aliases.join(", ") || "-",
    verdicts(model) || "-",
  ]);
  const more = older > 0 ? `\nand up to ${older} older: npm run status -- --all` : "";
  return table(["MODEL", "ALIASES", "GATES"], rows) + more;
}

/** The status as a person reads it. */
export function render(status: Status | BriefStatus): string {
  const { environments, urls, freeze, approvals, traffic, dataDrift } = status;
  const parts = [
    ...(freeze ? [`Promotions are frozen by ${freeze.who} since ${freeze.since}: ${freeze.why}`] : []),
    ...approvals.map(describeApproval),
    table(
      ["ENVIRONMENT", "VERSION", "HEALTH", "DIGEST", "URL"],
      environments.map(({ name, version, health, digest, url }) => [
        name,
        version ?? "no model",
        health,
        digest?.slice(0, 19) ?? "-",
        url ?? "-",
      ]),
    ),
    ...describeLost(environments),
    ...(traffic ? [describeSplit(traffic)] : []),
    ...(dataDrift ? [describeDataDrift(dataDrift)] : []),
    describeModels(status),
  ];
  parts.push(...unknownReleases(status), ...mismatches(status));
  const pages = Object.entries(urls).filter(([name]) => !environments.some((environment) => environment.name === name));
  if (pages.length > 0)
    parts.push(
      table(
        ["PAGE", "URL"],
        pages.map(([name, url]) => [pageTitles[name] ?? name, url]),
      ),
    );
  return parts.join("\n\n");
}

const usage = `Usage: npm run status [-- --all | --json | --watch]

Shows what runs in each environment, and the models: those that run or have an alias, then the newest ${newestModels}.
With --all, all models are listed. --json prints all of it for programs. --watch shows each environment's version, pods,
gates and requests, and the Workflows that run, anew every 3 seconds until Ctrl-C.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      all: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      watch: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (Number(values.all) + Number(values.json) + Number(values.watch) > 1)
    throw new Error("--all, --json and --watch exclude each other: write one");
  const cluster = connect();
  if (values.watch) {
    await watch(async () => renderLive(await readLive(cluster), new Date()));
    return 0;
  }
  const isComplete = values.all || values.json;
  const status = isComplete ? await readStatus(cluster) : await readBriefStatus(cluster);
  const volumes = await readVolumes(cluster);
  console.log(
    values.json
      ? JSON.stringify({ ...status, volumes }, null, 2)
      : [...fullVolumes(volumes), render(status)].join("\n\n"),
  );
  return 0;
}

if (require.main === module) runMain(main);
