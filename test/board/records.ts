import type { HistoryPage, RecordView, ServedView } from "../../board/api";
import { digestOf } from "./models";

const minutes = 60_000;

const iso = (time: number): string => new Date(time).toISOString();

function record(action: string, environment: string, version: string, endedAt: number): RecordView {
  return {
    startedAt: iso(endedAt - 2 * minutes),
    endedAt: iso(endedAt),
    action,
    environment,
    version,
    outcome: action === "revert" ? "reverted" : "promoted",
    requestedBy: action === "promote" && environment === "production" ? "alice" : "test-staging",
    reason: action === "revert" ? "load: 76 % of 100 requests succeeded, it must be over 95 %" : "",
    disagreement: environment === "canary" ? "disagrees with production on 3 of 412 pictures (0.7 %)" : null,
    serves: { version, digest: digestOf(version) },
  };
}

/**
 * What became of versions 1.0.1 to 1.0.`newest`, newest first: one in three fails in staging, the others move along
 * the path, each environment some time after the one before it.
 * @param now in milliseconds since 1970
 */
export function recordsUntil(environments: readonly string[], newest: number, now: number): readonly RecordView[] {
  const every = 330 * minutes;
  const records = Array.from({ length: newest }, (_, index) => newest - index).flatMap((number) => {
    const version = `1.0.${number}`;
    const begin = now - (newest - number) * every - 40 * minutes;
    const [staging, ...later] = environments;
    const deployed = { ...record("deploy", staging, version, begin), outcome: "deployed" };
    if (number % 3 === 2) return [deployed, record("revert", staging, `1.0.${number - 1}`, begin + 9 * minutes)];
    const promoted = later.map((environment, step) =>
      record("promote", environment, version, begin + (step * 150 + 12) * minutes),
    );
    return [deployed, ...promoted.filter(({ endedAt }) => endedAt && endedAt <= iso(now))];
  });
  return records.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** What the scripted run has put on record, newest first. @param elapsed seconds since the run began */
export function scriptedRecords(
  [staging, canary]: readonly string[],
  version: string,
  now: number,
  elapsed: number,
): readonly RecordView[] {
  const endedAt = (seconds: number) => now - (elapsed - seconds) * 1000;
  const deployed = elapsed >= 74 ? [{ ...record("deploy", staging, version, endedAt(74)), outcome: "deployed" }] : [];
  const promoted = elapsed >= 140 ? [record("promote", canary, version, endedAt(140))] : [];
  return [...promoted, ...deployed];
}

/** As `GET /api/history` answers. */
export function historyPage(records: readonly RecordView[], query: URLSearchParams): HistoryPage {
  const before = query.get("before");
  const isAsked = (one: RecordView) =>
    (["environment", "action", "version"] as const).every((key) => !query.has(key) || query.get(key) === one[key]);
  const found = records.filter((one) => isAsked(one) && (!before || one.startedAt < before));
  return { records: found.slice(0, 100), hasOlder: found.length > 100 };
}

/** As `GET /api/served` answers. */
export function servedAt(environments: readonly string[], records: readonly RecordView[], at: string): ServedView {
  return {
    at,
    from: records.at(-1)?.startedAt ?? null,
    environments: environments.map((name) => {
      const serves = records.find((one) => one.environment === name && one.endedAt && one.endedAt <= at)?.serves;
      return { name, version: serves?.version ?? null, digest: serves?.digest ?? null };
    }),
  };
}
