import { parseArgs } from "node:util";
import { readEnvironments } from "../client/environments";
import { listRegisteredVersions } from "../client/models";
import { listReleases } from "../client/releases";
import { type Delivery, measureDelivery, type Times } from "../lib/delivery";
import { duration } from "../lib/duration";
import { runMain } from "../lib/main";
import { table } from "../lib/table";
import { timestamp } from "../lib/timestamp";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run figures [-- [--days <number>] [--json]]

Shows how models were delivered in the last 30 days, or --days of them: how long a version took to production, how often
each environment was deployed to, how many of these failed, how long it took to restore one, and how many versions
were turned away by which gate. With --json, times are in seconds.`;

const day = 86_400_000;

/** The figures as a person reads them. @param days length of the period, in days */
export function renderDelivery(delivery: Delivery, days: number): string {
  const { environments, versions } = delivery;
  const period = days === 1 ? "the last day" : `the last ${days} days`;
  const isIdle = environments.every(
    ({ deployments, failures, restore }) => deployments + failures + restore.count === 0,
  );
  const failing = environments.flatMap(({ environment, failingSince }) =>
    failingSince ? [`${environment} has not been restored since ${timestamp(failingSince)}.`] : [],
  );
  if (isIdle && versions.judged === 0) return [`No releases in ${period}.`, ...failing].join("\n");
  const last = environments.at(-1)?.environment;
  const by = Object.entries(versions.by).map(([gate, count]) => `${gate} ${count}`);
  return [
    `Delivery of models in ${period}:`,
    "",
    `lead time to ${last}: ${describeLeadTime(delivery, `no new version came to ${last}`)}`,
    versions.judged === 0
      ? "versions turned away: none was judged"
      : `versions turned away: ${percent(versions.share)}, ${versions.turnedAway} of ${versions.judged}` +
        (by.length > 0 ? ` (${by.join(", ")})` : ""),
    "",
    table(
      ["ENVIRONMENT", "DEPLOYMENTS", "FAILED", "SHARE", "TIME TO RESTORE"],
      environments.map(({ environment, deployments, failures, failureShare, restore }) => [
        environment,
        String(deployments),
        String(failures),
        percent(failureShare),
        describe(restore, "-"),
      ]),
    ),
    ...failing,
  ].join("\n");
}

const percent = (share: number | null): string => (share === null ? "-" : `${Math.round(share * 100)} %`);

function describeLeadTime({ leadTime, unknownLeadTimes: unknown }: Delivery, none: string): string {
  if (unknown === 0) return describe(leadTime, none);
  const lost = unknown === 1 ? "a version that MLflow no longer has" : `${unknown} versions that MLflow no longer has`;
  return leadTime.count === 0 ? `unknown, of ${lost}` : `${describe(leadTime, none)}; unknown of ${lost}`;
}

function describe({ count, median, p90 }: Times, none: string): string {
  if (median === null || p90 === null) return none;
  const [middle, slow] = [median, p90].map((seconds) => duration(Math.round(seconds)));
  return count === 1 ? `${middle}, of one` : `median ${middle}, 90 % within ${slow}, of ${count}`;
}

/** Number of days of the option. @throws for anything but a whole number from 1 to 3650 */
export function parseDays(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > 3650)
    throw new Error(`--days "${text}" is not a number of days: write one from 1 to 3650`);
  return Number(text);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      json: { type: "boolean" },
      days: { type: "string", default: "30" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const days = parseDays(values.days);
  const cluster = connect();
  const [environments, releases, versions] = await Promise.all([
    readEnvironments(cluster),
    listReleases(cluster),
    listRegisteredVersions(cluster),
  ]);
  const to = new Date();
  const delivery = measureDelivery(releases, versions, environments, new Date(to.getTime() - days * day), to);
  console.log(values.json ? JSON.stringify(delivery, null, 2) : renderDelivery(delivery, days));
  return 0;
}

if (require.main === module) runMain(main);
