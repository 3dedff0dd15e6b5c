import { describe, expect, it } from "vitest";
import { checkLab, type LabFacts } from "../../client/lab";
import type { Release } from "../../client/releases";

const report = (verdict: string, reason: string) => JSON.stringify({ verdict, reason });
const passing = { "gate.integration": report("pass", ""), "gate.load": report("pass", "") };
const at = (minute: number) => new Date(Date.UTC(2026, 0, 5, 10, minute));
const version = (number: number, scenario: string, tags: Record<string, string>) => ({
  version: `1.0.${number}`,
  registeredAt: at(number),
  tags: { scenario, image_digest: `sha256:${String(number).repeat(64)}`, ...tags },
});
const release = (changes: Partial<Release>): Release => ({
  action: "promote",
  environment: "canary",
  version: "1.0.1",
  digest: null,
  modelRun: null,
  dataSha256: null,
  figures: {},
  requestedBy: "pipeline run train-model-a",
  workflow: null,
  outcome: "promoted",
  reason: "",
  targetChanged: null,
  disagreement: null,
  serves: null,
  startedAt: at(1),
  endedAt: at(2),
  ...changes,
});
const revertOf = (number: number, minute: number) =>
  release({
    action: "revert",
    environment: "staging",
    workflow: `revert-staging-v${number}-0a1b2c`,
    outcome: "reverted",
    startedAt: at(minute),
    endedAt: at(minute),
  });

const done: Omit<LabFacts, "serving"> = {
  environments: ["staging", "canary", "production"],
  versions: [
    version(1, "normal", passing),
    version(2, "bad-architecture", { "gate.integration": report("fail", "/test answers 500") }),
    version(3, "oversized", { "gate.resource": report("fail", "OOMKilled: more than 256Mi") }),
  ],
  releases: [
    release({ environment: "production", requestedBy: "anna", startedAt: at(8), endedAt: at(9) }),
    revertOf(3, 6),
    revertOf(2, 4),
    release({}),
  ],
};
const names = (facts: typeof done) => checkLab(facts).flatMap(({ name, evidence }) => (evidence ? [name] : []));
const all = ["promotion", "bad-architecture", "oversized", "manual-promotion"];

describe("the exercises of the lab", () => {
  it("are done, each with the record that shows it", () => {
    const exercises = checkLab(done);
    expect(names(done)).toEqual(all);
    expect(exercises.map(({ evidence }) => [evidence!.version, evidence!.record.endedAt])).toEqual([
      ["1.0.1", at(2)],
      ["1.0.2", at(4)],
      ["1.0.3", at(6)],
      ["1.0.1", at(9)],
    ]);
    expect(exercises[2].evidence!.gates).toEqual({ resource: "fail: OOMKilled: more than 256Mi" });
  });

  it("are all missing before anything was trained, each with what to run", () => {
    const exercises = checkLab({ ...done, versions: [], releases: [] });
    expect(exercises.map(({ missing }) => /npm run [a-z]+/.exec(missing)?.[0])).toEqual([
      "npm run train",
      "npm run train",
      "npm run train",
      "npm run promote",
    ]);
  });

  it.each([
    ["a promotion by hand is none of the pipeline's", { ...done.releases[3], requestedBy: "anna" }, 3, "promotion"],
    ["a promotion that went wrong is none", { ...done.releases[0], outcome: "broken" }, 0, "manual-promotion"],
    [
      "one of the pipeline's is none by hand",
      { ...done.releases[0], requestedBy: "schedule x" },
      0,
      "manual-promotion",
    ],
    [
      "a revert of another version does not count",
      { ...done.releases[1], workflow: "revert-staging-v31-0a1b2c" },
      1,
      "oversized",
    ],
    ["a revert that is still open does not count", { ...done.releases[2], endedAt: null }, 2, "bad-architecture"],
  ])("%s", (_title, changed, index, missing) => {
    const releases = done.releases.with(index, changed);
    expect(names({ ...done, releases })).toEqual(all.filter((name) => name !== missing));
  });

  it("need the gate's own reason: killed for its memory, and nothing else", () => {
    const versions = done.versions.with(2, version(3, "oversized", { "gate.resource": report("fail", "no pod") }));
    expect(names({ ...done, versions })).not.toContain("oversized");
  });
});
