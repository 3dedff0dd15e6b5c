import type { EnvironmentStatus } from "../../client/pipeline-status";
import { type Release, servedAt } from "../../client/releases";
import { isInForce, type TrafficSplit } from "../../client/traffic-split";
import type { RegisteredVersion } from "../../lib/delivery";
import type { EnvironmentView } from "../api";
import { type PromotionRules, promotionRulesOf } from "./approvals";
import { barrierOf } from "./barrier";
import { soakLeftSeconds } from "./soak";

/** What MLflow says of an environment. */
export interface EnvironmentRecord {
  /** The newest records of what was done to it. */
  readonly releases: Release[];
  /** The version that it runs; undefined where MLflow does not know it. */
  readonly version: RegisteredVersion | undefined;
}

/** What the views of all environments are made from. */
export interface EnvironmentFacts {
  /** In the order of promotion. */
  readonly environments: readonly EnvironmentStatus[];
  readonly records: Readonly<Record<string, EnvironmentRecord>>;
  readonly traffic: TrafficSplit | null;
  readonly minimumSoakMinutes: number;
  readonly rules: PromotionRules;
}

/** The environments in the order of promotion. */
export function environmentViews(facts: EnvironmentFacts, now: Date): EnvironmentView[] {
  return facts.environments.map((_, index) => environmentView(facts, index, now));
}

function environmentView(
  { environments, records, traffic, minimumSoakMinutes, rules }: EnvironmentFacts,
  index: number,
  now: Date,
): EnvironmentView {
  const { name, version: said, digest, health, pods } = environments[index];
  const version = said && /^1\.0\.\d+$/.test(said) ? said : null;
  const record = records[name];
  const release = servedAt(record?.releases ?? [], name, now);
  const withdrawn = traffic && traffic.version === version ? traffic.withdrawn : "";
  const facts = { environment: name, version: record?.version };
  // Nothing is promoted from the last environment, nor from one that runs no model.
  const promoted = index < environments.length - 1 && version !== null;
  const barrier = promoted ? barrierOf({ ...facts, name: version, digest, withdrawn }) : null;
  const soak = {
    ...facts,
    isFirst: index === 0,
    readySince: pods?.readySince ?? null,
    minimumMinutes: minimumSoakMinutes,
  };
  return {
    name,
    version,
    digest,
    since: version && release?.serves?.version === version ? release.endedAt!.toISOString() : null,
    health,
    pods,
    percent: percentOf(index, environments.length, traffic),
    barrier,
    soakLeftSeconds: promoted && !barrier ? soakLeftSeconds(soak, now) : null,
    ...promotionRulesOf(rules, name, now),
    promotesFrom: environments[index - 1]?.name ?? null,
  };
}

/** The gateway leads users to the last two environments. Without its route, or with another, nobody knows how many. */
function percentOf(index: number, count: number, traffic: TrafficSplit | null): number | null {
  if (!traffic || !isInForce(traffic)) return null;
  const inCanary = traffic.version ? traffic.percent : 0;
  if (index === count - 1) return 100 - inCanary;
  return index === count - 2 ? inCanary : null;
}
