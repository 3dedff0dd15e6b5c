import { describe, expect, it } from "vitest";
import type { ApprovalView, EnvironmentView, PipelineView } from "../../../board/api";
import { obstacles, phaseOf, secondsLeft, stagesOf } from "../../../board/page/state/stages";
import { closedReason, type PromotionWindow } from "../../../client/windows";

const at = "2026-11-27T10:00:00Z";
const now = Date.parse(at);

const environment = (name: string, version: string | null, more: Partial<EnvironmentView> = {}): EnvironmentView => ({
  name,
  version,
  digest: null,
  since: null,
  health: "Healthy",
  pods: null,
  percent: null,
  barrier: null,
  soakLeftSeconds: 0,
  needsApproval: false,
  closed: null,
  promotesFrom: name === "staging" ? null : "staging",
  ...more,
});

const pipeline = (environments: EnvironmentView[], more: Partial<PipelineView> = {}): PipelineView => ({
  at,
  recordAt: at,
  environments,
  freeze: null,
  traffic: null,
  dataDrift: null,
  runs: [],
  approvals: [],
  problems: [],
  links: {},
  ...more,
});

const run = (steps: PipelineView["runs"][number]["steps"], template = "train-model") => ({
  name: "a",
  template,
  version: "1.0.7",
  requestedBy: "alice",
  startedAt: at,
  finishedAt: null,
  outcome: null,
  steps,
});

const step = { workflow: "a", id: "b", startedAt: at, finishedAt: null, verdict: null, message: "" };
const freeze = { who: "alice", since: at, why: "the shop's release" };
const barrier = { word: "Turned away", sentence: "1.0.7 did not pass staging: load: too slow." };
const expiresAt = "2026-11-27T10:01:00Z";
const waiting = { target: "canary", version: "1.0.7", phase: "Waiting", expiresAt } as ApprovalView;

describe("the way between two environments", () => {
  it.each<[string, string, Partial<EnvironmentView>, Partial<EnvironmentView>, Partial<PipelineView>]>([
    ["No version yet", "nothing", { version: null }, {}, {}],
    ["No version yet", "nothing", { version: "base" }, {}, {}],
    ["Same version", "same", {}, { version: "1.0.7" }, { freeze }],
    ["Promoting 1.0.7", "running", {}, {}, { runs: [run([], "promote-model")] }],
    [
      "Promoting 1.0.7",
      "running",
      {},
      {},
      { runs: [run([{ ...step, name: "promote-on-success", phase: "Running" }])], freeze },
    ],
    ["Ready", "ready", {}, {}, { runs: [run([{ ...step, name: "promote-on-success", phase: "Succeeded" }])] }],
    ["Ready", "ready", {}, {}, { runs: [{ ...run([], "promote-model"), finishedAt: at }] }],
    ["Ready", "ready", {}, {}, { runs: [{ ...run([], "promote-model"), version: "1.0.5" }] }],
    ["Waits for approval", "waiting", {}, { needsApproval: true }, { approvals: [waiting] }],
    ["Waits for approval", "waiting", {}, {}, { approvals: [waiting], runs: [run([], "promote-model")] }],
    ["Needs approval", "ready", {}, { needsApproval: true }, { approvals: [{ ...waiting, version: "1.0.6" }] }],
    ["Needs approval", "ready", {}, { needsApproval: true }, { approvals: [{ ...waiting, phase: "Expired" }] }],
    ["Needs approval", "ready", {}, { needsApproval: true }, { approvals: [{ ...waiting, expiresAt: at }] }],
    ["Turned away", "barred", { barrier, soakLeftSeconds: null }, {}, {}],
    ["Turned away", "barred", { barrier, soakLeftSeconds: null }, { closed: "until Monday" }, { freeze }],
    ["Promoting 1.0.7", "running", { barrier }, {}, { runs: [run([], "promote-model")] }],
    ["Frozen", "frozen", {}, { closed: "until Monday" }, { freeze }],
    ["Window closed", "closed", { soakLeftSeconds: 60 }, { closed: "until Monday" }, {}],
    ["Soaks 4:05", "soaking", { soakLeftSeconds: 245 }, {}, {}],
    ["Ready", "ready", { soakLeftSeconds: 0 }, {}, {}],
  ])("says %s while it is %s (%#)", (caption, state, source, target, more) => {
    const view = pipeline([environment("staging", "1.0.7", source), environment("canary", "1.0.6", target)], more);
    const [first, second] = stagesOf(view, now);
    expect(first.move).toBeNull();
    expect(second.move).toMatchObject({ caption, state, source: "staging", target: "canary" });
  });

  it("counts the soak down between two pictures, and opens when it is over", () => {
    const view = pipeline([environment("staging", "1.0.7", { soakLeftSeconds: 90 }), environment("canary", null)]);
    const captionAfter = (seconds: number) => stagesOf(view, now + seconds * 1000)[1].move?.caption;
    expect([0, 30.4, 89.9, 90, 500].map(captionAfter)).toEqual([
      "Soaks 1:30",
      "Soaks 1:00",
      "Soaks 0:01",
      "Ready",
      "Ready",
    ]);
  });
});

const night: PromotionWindow = {
  name: "night",
  kind: "deny",
  environments: ["canary"],
  schedule: "0 8 * * *",
  zone: "UTC",
  minutes: 720,
  description: "nobody is there",
};

describe("what stands in the way of a promotion", () => {
  it("is all of it, in a sentence each", () => {
    const view = pipeline(
      [
        environment("staging", "1.0.7", { barrier, soakLeftSeconds: 61 }),
        environment("canary", null, { closed: closedReason([night], "canary", new Date(now)), needsApproval: true }),
      ],
      { freeze },
    );
    expect(obstacles(view, { source: "staging", target: "canary" }, now)).toEqual([
      "1.0.7 did not pass staging: load: too slow.",
      "alice has frozen all promotions: the shop's release",
      "Promotions to canary are closed by the window night (nobody is there). They open at 2026-11-27T20:00:00Z.",
      "The version has to run in staging for another 1:01.",
      "The promotion will wait for an approval.",
    ]);
  });

  it("is nothing where the rules let it through", () => {
    const view = pipeline([environment("staging", "1.0.7", { soakLeftSeconds: 0 }), environment("canary", null)]);
    expect(obstacles(view, { source: "staging", target: "canary" }, now)).toEqual([]);
  });
});

it("a request expires between two pictures", () => {
  expect([now, now + 59_000, now + 60_000].map((time) => phaseOf(waiting, time))).toEqual([
    "Waiting",
    "Waiting",
    "Expired",
  ]);
  expect(phaseOf({ ...waiting, phase: "Approved" }, now + 60_000)).toBe("Approved");
});

it("an approval that has expired has no time left", () => {
  expect(secondsLeft("2026-11-27T10:01:00Z", now)).toBe(60);
  expect(secondsLeft("2026-11-27T09:01:00Z", now)).toBe(0);
});
