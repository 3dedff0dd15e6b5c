import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { measureDelivery, type RegisteredVersion, type ReleaseRecord } from "../../lib/delivery";
import { repositoryRoot } from "../../lib/paths";
import { percentile } from "../../lib/percentile";

/** One record of the cases that both definitions of the time to restore are held to; times in minutes. */
interface RestorationRecord {
  action: string;
  outcome: string;
  reason: string;
  start: number;
  end: number;
  serves: boolean;
  told: boolean | null;
}
const restorationCases: { case: string; records: RestorationRecord[]; restorations: [number, number][] }[] = JSON.parse(
  readFileSync(join(repositoryRoot, "test/workflows/restorations.json"), "utf8"),
);

const at = (minute: number) => new Date(Date.UTC(2026, 0, 5, 10, minute));
const path = ["staging", "canary", "production"];
const serving = { serves: { version: "1.0.1", digest: "sha256:1" } };

function record(start: number, end: number | null, fields: Partial<ReleaseRecord>): ReleaseRecord {
  return {
    action: "promote",
    environment: "production",
    version: "1.0.7",
    outcome: "promoted",
    reason: "",
    targetChanged: null,
    serves: null,
    startedAt: at(start),
    endedAt: end === null ? null : at(end),
    ...fields,
  };
}
const promoted = (start: number, version: string, environment = "production") =>
  record(start, start + 1, { version, environment, serves: { version, digest: `sha256:${version}` } });
const broken = (start: number, end: number, reason: string) => record(start, end, { outcome: "broken", reason });
const registered = (minute: number, version: string, tags: Record<string, string> = {}): RegisteredVersion => ({
  version,
  registeredAt: at(minute),
  tags,
});
const measure = (releases: ReleaseRecord[], versions: RegisteredVersion[] = [], from = 0, to = 600) =>
  measureDelivery(releases, versions, path, at(from), at(to));
const production = (...releases: ReleaseRecord[]) => measure(releases).environments[2];

describe("lead time", () => {
  it("is from the registration until the last environment first serves the version", () => {
    const versions = [registered(0, "1.0.7"), registered(5, "1.0.8")];
    const releases = [
      promoted(9, "1.0.7"),
      promoted(59, "1.0.8"),
      promoted(99, "1.0.7"),
      promoted(3, "1.0.8", "canary"),
    ];
    expect(measure(releases, versions).leadTime).toEqual({ count: 2, median: 600, p90: 3300 });
  });

  it("is of what came there in the period, and of no version that MLflow has no more", () => {
    const versions = [registered(0, "1.0.7"), registered(0, "1.0.8")];
    const releases = [promoted(9, "1.0.7"), promoted(59, "1.0.8"), promoted(70, "1.0.9"), promoted(80, "1.0.7")];
    const { leadTime, unknownLeadTimes } = measure(releases, versions, 30);
    expect(leadTime).toEqual({ count: 1, median: 3600, p90: 3600 });
    expect(unknownLeadTimes).toBe(1);
  });

  it("is none of a promotion that was refused, failed or goes on", () => {
    const refused = record(1, 2, { outcome: "refused" });
    const releases = [refused, broken(3, 4, "timeout"), record(5, null, { outcome: null })];
    expect(measure(releases, [registered(0, "1.0.7")]).leadTime).toEqual({ count: 0, median: null, p90: null });
  });
});

describe("deployments", () => {
  it("count where the version came to serve, and a refusal is neither one nor a failure", () => {
    const refused = record(20, 21, { outcome: "refused" });
    expect(production(promoted(1, "1.0.7"), promoted(9, "1.0.8"), refused)).toMatchObject({
      deployments: 2,
      failures: 0,
      failureShare: 0,
    });
  });

  it("are none where the environment served this image already", () => {
    const again = promoted(9, "1.0.7");
    const rebuilt = { ...again, serves: { version: "1.0.7", digest: "sha256:2" } };
    expect(production(promoted(1, "1.0.7"), again)).toMatchObject({ deployments: 1, failures: 0 });
    expect(production(promoted(1, "1.0.7"), rebuilt)).toMatchObject({ deployments: 2, failures: 0 });
    // What failed in between had told it something else.
    expect(production(promoted(1, "1.0.7"), broken(5, 6, "timeout"), again)).toMatchObject({ deployments: 2 });
  });

  it("fail where they were taken back, though they were repeated before that", () => {
    const back = record(20, 21, { action: "abort", outcome: "aborted", version: "1.0.6", ...serving });
    const releases = [promoted(1, "1.0.7"), promoted(9, "1.0.7"), back];
    expect(production(...releases)).toMatchObject({ deployments: 1, failures: 1 });
  });

  it("fail where they did not come to serve, or were interrupted", () => {
    const interrupted = record(30, 40, { outcome: "interrupted", ...serving });
    const failed = broken(10, 12, "no pod was ready. production is back on 1.0.6.");
    expect(production(promoted(1, "1.0.7"), failed, interrupted)).toMatchObject({
      deployments: 1,
      failures: 2,
      failureShare: 2 / 3,
    });
  });

  it.each(["broken", "interrupted"])("that were %s before the target was told anything are no failure", (outcome) => {
    const ended = record(20, 21, { outcome, targetChanged: false });
    expect(production(promoted(1, "1.0.7"), ended)).toMatchObject({
      deployments: 1,
      failures: 0,
      failureShare: 0,
      restore: { count: 0 },
      failingSince: null,
    });
    expect(production(promoted(1, "1.0.7"), { ...ended, targetChanged: true })).toMatchObject({ failures: 1 });
  });

  it("leave it failing where even the way back came to nothing", () => {
    const back = record(20, 21, { action: "revert", outcome: "broken", targetChanged: false });
    expect(production(promoted(1, "1.0.7"), back).failingSince).toEqual(at(20));
  });

  it("that were broken before the target was told anything neither end nor begin an outage", () => {
    const left = "production was told to go back to what it ran, and has not yet";
    const untouched = { ...broken(14, 15, "the version has no image"), targetChanged: false };
    expect(production(broken(10, 12, left), untouched).failingSince).toEqual(at(10));
  });

  it("fail where they were taken back before the next one", () => {
    const canary = (start: number, fields: Partial<ReleaseRecord>) =>
      record(start, start + 1, { environment: "canary", serves: { version: `1.0.${start}`, digest: "" }, ...fields });
    const aborted = canary(20, { action: "abort", outcome: "aborted", reason: "OOM; canary is back on 1.0.7" });
    const restored = canary(40, { action: "restore", outcome: "restored", reason: "canary is back on 1.0.9" });
    const [, found] = measure([canary(1, {}), canary(10, {}), aborted, canary(30, {}), restored]).environments;
    expect(found).toMatchObject({ deployments: 3, failures: 1, failureShare: 1 / 3 });
  });
});

describe("time to restore", () => {
  const restore = (start: number, end: number) =>
    record(start, end, { action: "restore", outcome: "restored", reason: "production is back on 1.0.6", ...serving });

  it("is that of the release that failed and put the environment back itself", () => {
    const { restore: times, failingSince } = production(broken(10, 12, "timeout production is back on 1.0.6."));
    expect([times, failingSince]).toEqual([{ count: 1, median: 120, p90: 120 }, null]);
  });

  it("goes on until somebody has put it back, or a good version serves", () => {
    const left = "production was told to go back to what it ran, and has not yet";
    const first = production(broken(10, 12, left), broken(14, 15, left), restore(20, 25));
    expect([first.restore.median, first.failingSince]).toEqual([15 * 60, null]);
    expect(production(broken(10, 12, left), promoted(30, "1.0.9")).restore.median).toBe(21 * 60);
    const open = production(broken(10, 12, left));
    expect([open.restore.count, open.failingSince]).toEqual([0, at(10)]);
  });

  it("is of a way back from its own start, and none where only an alias was put right", () => {
    const alias = record(30, 31, { action: "restore", outcome: "restored", reason: "the alias was moved", ...serving });
    expect(production(promoted(1, "1.0.7"), restore(20, 23), alias).restore).toEqual({
      count: 1,
      median: 180,
      p90: 180,
    });
  });

  it("counts an interrupted release once, with the record of who put it right", () => {
    const interrupted = record(10, 26, { outcome: "interrupted", ...serving });
    expect(production(interrupted, restore(20, 25)).restore).toEqual({ count: 1, median: 16 * 60, p90: 16 * 60 });
  });

  // The workflows compute it too, for their metric: `test/workflows/test_restore_time.py`.
  it.each(restorationCases)("is as long for the workflows, of $case", ({ records, restorations }) => {
    const releases = records.map(({ start, end, told, serves, ...fields }) =>
      record(start, end, { ...fields, targetChanged: told, ...(serves && serving) }),
    );
    const seconds = restorations.map(([began, ended]) => 60 * (ended - began)).sort((a, b) => a - b);
    expect(production(...releases).restore).toEqual({
      count: seconds.length,
      median: percentile(seconds, 0.5),
      p90: percentile(seconds, 0.9),
    });
  });

  it("has a median and a p90 by rank", () => {
    const times = [1, 2, 3, 4, 5, 6, 7, 8, 9, 20];
    const records = times.map((minutes, index) => restore(index * 30, index * 30 + minutes));
    expect(production(...records).restore).toEqual({ count: 10, median: 300, p90: 540 });
  });
});

describe("versions", () => {
  const judged = (verdict: string, reason: string, minute = 10) => ({
    "staging.verdict": verdict,
    "staging.reason": reason,
    "staging.verdict_at": at(minute).toISOString(),
    "gate.load": "{}",
    "gate.resource": "{}",
  });

  it("are turned away by the gate that decided, or withdrawn later", () => {
    const versions = [
      registered(0, "1.0.1", judged("pass", "every gate passed")),
      registered(1, "1.0.2", judged("fail", "load: p95 3 s")),
      registered(2, "1.0.3", judged("inconclusive", "resource: no answer")),
      registered(3, "1.0.4", judged("withdrawn", "errors 9 %")),
      registered(4, "1.0.5", judged("inconclusive", "no gate left a report")),
      registered(5, "1.0.6"),
      registered(6, "1.0.7", judged("fail", "load: before the period", -10)),
    ];
    expect(measure([], versions).versions).toEqual({
      judged: 5,
      turnedAway: 4,
      share: 0.8,
      by: { load: 1, resource: 1, withdrawn: 1, "no gate's report": 1 },
    });
  });

  it("are none where none was judged", () => {
    expect(measure([], [registered(0, "1.0.1")]).versions).toEqual({ judged: 0, turnedAway: 0, share: null, by: {} });
  });
});
