import type { RegisteredVersion } from "../../lib/delivery";

/** What decides how long a version has to run in an environment before it can be promoted from there. */
export interface SoakFacts {
  readonly environment: string;
  /** Whether models are tested there: the first environment. */
  readonly isFirst: boolean;
  /** The version that runs there, with its tags in MLflow; undefined where MLflow does not know it. */
  readonly version: RegisteredVersion | undefined;
  /** Since when a pod there has been ready without a break; null where nothing is known of pods. */
  readonly readySince: string | null;
  /** `pipeline.minimumSoakMinutes` of the stack. */
  readonly minimumMinutes: number;
}

/** Seconds that the version still has to run there, 0 when it has; `workflows/lib/promotion_rules.py` counts alike. */
export function soakLeftSeconds(
  { environment, isFirst, version, readySince, minimumMinutes }: SoakFacts,
  now: Date,
): number {
  if (isFirst || minimumMinutes === 0) return 0;
  const released = Date.parse(version?.tags[`${environment}.promoted_at`] ?? "");
  if (Number.isNaN(released)) return 60 * minimumMinutes;
  const since = Math.max(released, readySince ? Date.parse(readySince) : released);
  return Math.max(0, Math.ceil((since - now.getTime()) / 1000 + 60 * minimumMinutes));
}
