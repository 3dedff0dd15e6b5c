import { parseArgs } from "node:util";
import { readEnvironments } from "../client/environments";
import { listNewestReleases, listReleases, type Release, servedAt } from "../client/releases";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { table } from "../lib/table";
import { timestamp } from "../lib/timestamp";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run history [-- [environment] [--at <time>] [--limit <number> | --all] [--json]]

Lists the newest 50 releases, or --limit or --all of them, with who requested each and its outcome. With --at, prints
what an environment ran at that time, as in: npm run history -- --at 2026-01-31T12:00:00Z production`;

/**
 * A time as a person writes it: a date, or a date with a time, in UTC unless it names a zone.
 * @throws for anything else
 */
export function parseTime(text: string): Date {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  const time = match ? new Date(`${match[1]}T${match[2] ?? "00:00"}${match[3] ?? "Z"}`) : new Date(NaN);
  if (Number.isNaN(time.getTime())) throw new Error(`"${text}" is not a time: write it as in 2026-01-31T12:00:00Z`);
  return time;
}

/** Number of records that a person sees, unless they ask for another. */
const usualLimit = 50;

/** The records as a person reads them. @param hasOlder whether there are older ones, which are not among them */
export function renderHistory(releases: Release[], hasOlder = false): string {
  if (releases.length === 0) return "Nothing has been released yet. To train a model, run npm run train -- normal";
  const rows = releases.map(
    ({ startedAt, action, environment, version, outcome, requestedBy, reason, disagreement }) => [
      timestamp(startedAt),
      environment,
      action,
      version ?? "-",
      outcome ?? "running",
      requestedBy,
      [reason, disagreement && `${version} ${disagreement.sentence}`].filter(Boolean).join("; ") || "-",
    ],
  );
  const records = table(["TIME", "ENVIRONMENT", "ACTION", "VERSION", "OUTCOME", "BY", "REASON"], rows);
  return hasOlder ? `${records}\nand older ones: npm run history -- --all` : records;
}

/** What an environment ran at a time, in a few lines. */
export function renderServed(environment: string, at: Date, release: Release | undefined): string {
  if (!release || release.serves!.version === "base")
    return `At ${timestamp(at)} ${environment} ran the base image, without a model.`;
  const { serves, endedAt, action, requestedBy, modelRun, dataSha256, figures, disagreement } = release;
  const facts: [string, string | null][] = [
    ["image", serves!.digest],
    ["since", `${timestamp(endedAt!)}, by ${action} of ${requestedBy}`],
    ["MLflow run", modelRun],
    ["data", dataSha256 && `sha256:${dataSha256}`],
    [
      "gates",
      Object.entries(figures)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ") || null,
    ],
    ["canary", disagreement?.sentence ?? null],
  ];
  const lines = facts.filter(([, value]) => value).map(([name, value]) => `  ${name.padEnd(11)} ${value}`);
  return [`At ${timestamp(at)} ${environment} ran ${serves!.version}.`, ...lines].join("\n");
}

/** @throws if the cluster has no environment of this name */
export async function checkEnvironment(cluster: Cluster, name: string): Promise<void> {
  const environments = await readEnvironments(cluster);
  if (!environments.includes(name))
    throw new Error(`"${name}" is not an environment: write one of ${environments.join(", ")}`);
}

async function main(): Promise<number> {
  const options = {
    help: { type: "boolean", short: "h" },
    json: { type: "boolean" },
    at: { type: "string" },
    limit: { type: "string" },
    all: { type: "boolean" },
  } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [environment, ...rest] = positionals;
  if (rest.length > 0)
    throw new Error(`"${positionals.join(" ")}" is more than one environment: write one, or none for all`);
  if (values.all && values.limit !== undefined) throw new Error("--all and --limit exclude each other: write one");
  if (values.limit !== undefined && !/^[1-9]\d{0,5}$/.test(values.limit))
    throw new Error(`--limit "${values.limit}" is not a number of records: write one from 1 to 999999`);
  if (values.at !== undefined && !environment)
    throw new Error("--at needs an environment, as in: npm run history -- --at 2026-01-31T12:00:00Z production");
  const at = values.at === undefined ? undefined : parseTime(values.at);
  const cluster = connect();
  if (environment) await checkEnvironment(cluster, environment);
  if (at) {
    const release = servedAt(await listReleases(cluster), environment, at);
    console.log(values.json ? JSON.stringify(release ?? null, null, 2) : renderServed(environment, at, release));
    return 0;
  }
  const limit = values.all ? Number.POSITIVE_INFINITY : Number(values.limit ?? usualLimit);
  const { releases, hasOlder } = await listNewestReleases(cluster, limit, { environment });
  console.log(values.json ? JSON.stringify(releases, null, 2) : renderHistory(releases, hasOlder));
  return 0;
}

if (require.main === module) runMain(main);
