import { percentile } from "./percentile";

/** What the figures need of one record of what was done to an environment. */
export interface ReleaseRecord {
  readonly action: string;
  readonly environment: string;
  readonly version: string | null;
  readonly outcome: string | null;
  readonly reason: string;
  /** Whether the environment was told to run something; null on a record of before that was written down. */
  readonly targetChanged: boolean | null;
  /** What the environment served from its end on, where that changed. */
  readonly serves: { readonly version: string; readonly digest: string } | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

/** A registered version: `1.0.X`, with its tags in MLflow. */
export interface RegisteredVersion {
  readonly version: string;
  readonly registeredAt: Date;
  readonly tags: Readonly<Record<string, string>>;
}

/** Times in seconds: how many there are, the middle one, and the one that 90 % do not exceed. Null: there are none. */
export interface Times {
  readonly count: number;
  readonly median: number | null;
  readonly p90: number | null;
}

/** One environment in the period. */
interface EnvironmentDelivery {
  readonly environment: string;
  /** Deployments and promotions after which it served the version, and had served another image before. */
  readonly deployments: number;
  /** Those that changed it and did not come to serve, or that were taken back before the next one. */
  readonly failures: number;
  /** Share of the failures among all that changed the environment, 0 to 1; null without one. */
  readonly failureShare: number | null;
  /** From the start of what failed until the environment served again what it should. */
  readonly restore: Times;
  /** Since when it has not served again what it should; null where it does. */
  readonly failingSince: Date | null;
}

/** How well models are delivered, in a period. */
export interface Delivery {
  readonly from: Date;
  readonly to: Date;
  /** From the registration of a version until the last environment first served it. */
  readonly leadTime: Times;
  /** How many versions came to the last environment whose registration MLflow no longer has. */
  readonly unknownLeadTimes: number;
  readonly environments: EnvironmentDelivery[];
  /** Versions that staging judged; `by`: how many each gate turned away, and how many were `withdrawn` later. */
  readonly versions: { judged: number; turnedAway: number; share: number | null; by: Record<string, number> };
}

/**
 * The figures of a period. What an older record says counts only for what the period's records continue.
 * @param environments names, in the order of promotion
 * @param from, to the period: `from` is part of it, `to` is not
 */
export function measureDelivery(
  releases: readonly ReleaseRecord[],
  versions: readonly RegisteredVersion[],
  environments: readonly string[],
  from: Date,
  to: Date,
): Delivery {
  const isWithin = (time: Date) => time >= from && time < to;
  const of = (name: string) =>
    releases
      .filter((record) => record.environment === name && record.startedAt < to && !isHarmless(record))
      .sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  const times = leadTimes(of(environments.at(-1) ?? ""), versions, isWithin);
  const known = times.filter((seconds) => seconds !== null);
  return {
    from,
    to,
    leadTime: summarize(known),
    unknownLeadTimes: times.length - known.length,
    environments: environments.map((environment) => measureEnvironment(environment, of(environment), isWithin)),
    versions: measureVersions(versions, isWithin),
  };
}

type Within = (time: Date) => boolean;

const between = (from: Date, to: Date): number => Math.max(0, (to.getTime() - from.getTime()) / 1000);
const isRelease = ({ action }: ReleaseRecord) => action === "deploy" || action === "promote";
const hasReleased = ({ outcome }: ReleaseRecord) => outcome === "deployed" || outcome === "promoted";
const hasFailed = ({ outcome }: ReleaseRecord) => outcome === "broken" || outcome === "interrupted";
/** A release that ended before its environment was told anything: it made nothing worse. */
const isHarmless = (record: ReleaseRecord) => isRelease(record) && record.targetChanged === false;
/** Whether the record says that the environment is back on a version, in the words of `lib/restoration.py`. */
const saysPutBack = ({ environment, reason }: ReleaseRecord) => reason.includes(`${environment} is back on `);
/** A restore may also have put right an alias or a record alone. */
const isWayBack = (record: ReleaseRecord) =>
  record.outcome === "reverted" ||
  record.outcome === "aborted" ||
  (record.outcome === "restored" && saysPutBack(record));
/** A release that failed may have put the environment back itself. */
const isPutBack = (record: ReleaseRecord) => isWayBack(record) || (record.outcome === "broken" && saysPutBack(record));

/** In seconds, of each version that came in the period; null of one that MLflow no longer has. */
function leadTimes(
  releases: readonly ReleaseRecord[],
  versions: readonly RegisteredVersion[],
  isWithin: Within,
): (number | null)[] {
  const registered = new Map(versions.map(({ version, registeredAt }) => [version, registeredAt]));
  const seen = new Set<string>();
  return releases.flatMap((release) => {
    const { version, endedAt } = release;
    if (!isRelease(release) || !hasReleased(release) || !version || !endedAt || seen.has(version)) return [];
    seen.add(version);
    if (!isWithin(endedAt)) return [];
    const since = registered.get(version);
    return [since ? between(since, endedAt) : null];
  });
}

function measureEnvironment(
  environment: string,
  records: readonly ReleaseRecord[],
  isWithin: Within,
): EnvironmentDelivery {
  const changing = records.filter((record, index) => !isRepetition(record, records[index - 1]));
  const changes = changing.filter(
    (record) => isRelease(record) && (hasReleased(record) || hasFailed(record)) && isWithin(record.endedAt!),
  );
  const failures = changes.filter((record) => hasFailed(record) || isTakenBack(record, changing));
  const { times, failingSince } = restorations(records, isWithin);
  return {
    environment,
    deployments: changes.filter(hasReleased).length,
    failures: failures.length,
    failureShare: changes.length > 0 ? failures.length / changes.length : null,
    restore: summarize(times),
    failingSince,
  };
}

/** Whether a release came to serve what the record before it had put there: it deployed nothing. */
function isRepetition(record: ReleaseRecord, before: ReleaseRecord | undefined): boolean {
  const [now, then] = [record.serves, before?.serves];
  return hasReleased(record) && !!now && !!then && now.version === then.version && now.digest === then.digest;
}

/** Whether the pipeline or a person took a release back before the next one: it was reverted, or aborted. */
function isTakenBack(release: ReleaseRecord, records: readonly ReleaseRecord[]): boolean {
  const after = records.slice(records.indexOf(release) + 1);
  const next = after.find((record) => isRelease(record) || ["revert", "abort"].includes(record.action));
  return next !== undefined && isWayBack(next);
}

/**
 * How long each restoration took that ended in the period, in seconds, and since when one is due. It begins with the
 * first record of the failure: of a release that failed, or else of the way back itself.
 */
function restorations(
  records: readonly ReleaseRecord[],
  isWithin: Within,
): { times: number[]; failingSince: Date | null } {
  const times: number[] = [];
  let failingSince: Date | null = null;
  let countedUntil = new Date(0);
  for (const record of records) {
    const { startedAt, endedAt, outcome, serves } = record;
    // An interrupted release ends when another Workflow has put the environment right, which has a record too.
    if (!endedAt || startedAt < countedUntil) continue;
    const begins: Date | null = failingSince ?? (outcome === "interrupted" || isPutBack(record) ? startedAt : null);
    const isRestored = serves !== null || isPutBack(record);
    if (isRestored && begins && isWithin(endedAt)) times.push(between(begins, endedAt));
    if (isRestored) failingSince = null;
    else if (outcome === "broken") failingSince ??= startedAt;
    if (isRestored && begins) countedUntil = endedAt;
  }
  return { times, failingSince };
}

function measureVersions(versions: readonly RegisteredVersion[], isWithin: Within): Delivery["versions"] {
  const judged = versions.filter(({ tags }) => isWithin(new Date(tags["staging.verdict_at"] ?? "")));
  const by: Record<string, number> = {};
  for (const who of judged.flatMap(({ tags }) => turnedAwayBy(tags) ?? [])) by[who] = (by[who] ?? 0) + 1;
  const turnedAway = Object.values(by).reduce((sum, count) => sum + count, 0);
  return { judged: judged.length, turnedAway, share: judged.length > 0 ? turnedAway / judged.length : null, by };
}

/** The gate that decided, or `withdrawn` for a version that passed and lost its pass; undefined for one that has it. */
function turnedAwayBy(tags: RegisteredVersion["tags"]): string | undefined {
  const verdict = tags["staging.verdict"];
  if (verdict === "withdrawn") return verdict;
  if (verdict !== "fail" && verdict !== "inconclusive") return undefined;
  const gate = (tags["staging.reason"] ?? "").split(":")[0];
  return `gate.${gate}` in tags ? gate : "no gate's report";
}

function summarize(values: readonly number[]): Times {
  return { count: values.length, median: percentile(values, 0.5), p90: percentile(values, 0.9) };
}
