import { collectedTag } from "../../components/shared/workflow-names";
import type { RegisteredVersion } from "../../lib/delivery";

/** What decides how long a version has to run in an environment before it can be promoted from there. */
export interface SoakFacts {
  readonly environment: string;
  /** Whether models are tested there: the first environment. */
  readonly isFirst: boolean;
  /** Digest that runs there. */
  readonly digest: string | null;
  /** The version that runs there, with its tags in MLflow; undefined where MLflow does not know it. */
  readonly version: RegisteredVersion | undefined;
  /** `pipeline.minimumSoakMinutes` of the stack. */
  readonly minimumMinutes: number;
  /** Why no user meets the version any more, or an empty string. */
  readonly withdrawn: string;
}

/**
 * Seconds that the version still has to run there, 0 when it can be promoted, null where it cannot be. The rules are
 * those of `workflows/lib/promotion_rules.py`, but for the freeze, the calendar and the pods' health, which are shown
 * beside it.
 */
export function soakLeftSeconds(facts: SoakFacts, now: Date): number | null {
  const { environment, isFirst, digest, version, minimumMinutes, withdrawn } = facts;
  if (!version || !isPromotable(version, digest) || withdrawn) return null;
  if (isFirst || minimumMinutes === 0) return 0;
  const since = Date.parse(version.tags[`${environment}.promoted_at`] ?? "");
  if (Number.isNaN(since)) return 60 * minimumMinutes;
  return Math.max(0, Math.ceil((since - now.getTime()) / 1000 + 60 * minimumMinutes));
}

/** Whether it has passed every gate in staging with the image that runs, and its files are there. */
function isPromotable({ tags }: RegisteredVersion, digest: string | null): boolean {
  const isVerified = tags["staging.verdict"] === "pass" && tags["staging.digest"] === digest;
  return isVerified && !tags[collectedTag];
}
