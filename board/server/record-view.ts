import { type Release, servedAt } from "../../client/releases";
import type { Delivery } from "../../lib/delivery";
import type { DeliveryView, RecordView, ServedView } from "../api";

/** A record as the page shows it. */
export function recordView(release: Release): RecordView {
  const { action, environment, version, outcome, requestedBy, reason, disagreement, serves } = release;
  return {
    startedAt: release.startedAt.toISOString(),
    endedAt: release.endedAt?.toISOString() ?? null,
    action,
    environment,
    version,
    outcome,
    requestedBy,
    reason,
    disagreement: disagreement?.sentence ?? null,
    serves,
  };
}

/** What each environment served at a time. @param releases all records */
export function servedView(releases: Release[], environments: readonly string[], at: Date): ServedView {
  const starts = releases.map(({ startedAt }) => startedAt.getTime());
  const oldest = starts.reduce((earliest, start) => Math.min(earliest, start), Number.POSITIVE_INFINITY);
  return {
    at: at.toISOString(),
    from: Number.isFinite(oldest) ? new Date(oldest).toISOString() : null,
    environments: environments.map((name) => {
      const serves = servedAt(releases, name, at)?.serves;
      const hasModel = serves && serves.version !== "base";
      return { name, version: hasModel ? serves.version : null, digest: serves?.digest || null };
    }),
  };
}

/** The figures as the page shows them. */
export function deliveryView(delivery: Delivery): DeliveryView {
  const { from, to, leadTime, unknownLeadTimes, environments, versions } = delivery;
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    leadTime,
    unknownLeadTimes,
    judged: versions.judged,
    turnedAway: versions.turnedAway,
    by: versions.by,
    environments: environments.map(({ environment, deployments, failures, restore }) => ({
      name: environment,
      deployments,
      failures,
      restore: { count: restore.count, median: restore.median },
    })),
  };
}
