import { describe, expect, it } from "vitest";
import type { RunView, StepView } from "../../../board/api";
import { runCard, runEvents } from "../../../board/page/state/runs";

const time = (seconds: number) => new Date(Date.parse("2026-11-27T10:00:00Z") + seconds * 1000).toISOString();
const now = (seconds: number) => Date.parse(time(seconds));

const step = (name: string, from: number | null, to: number | null, more: Partial<StepView> = {}): StepView => ({
  workflow: "test-staging-a",
  id: name,
  name,
  phase: to === null ? "Running" : "Succeeded",
  startedAt: from === null ? null : time(from),
  finishedAt: to === null ? null : time(to),
  verdict: null,
  message: "",
  ...more,
});

const run = (steps: StepView[], more: Partial<RunView> = {}): RunView => ({
  name: "train-model-a",
  template: "train-model",
  version: "1.0.7",
  requestedBy: "alice",
  startedAt: time(0),
  finishedAt: null,
  outcome: null,
  steps,
  ...more,
});

describe("a run in progress", () => {
  it("shows each step with its elapsed time and its share of the run so far", () => {
    const card = runCard(run([step("train", 0, 50), step("load", 50, null)]), now(100));
    expect(card).toMatchObject({ word: "Running", tone: "busy", elapsed: "1 min 40 s" });
    expect(card.groups[0].steps).toMatchObject([
      { name: "train", word: "Succeeded", elapsed: "50 s", x: 0, width: 50 },
      { name: "load", word: "Running", elapsed: "50 s", x: 50, width: 50 },
    ]);
  });

  it("groups the steps by Workflow, in the order in which they began", () => {
    const steps = [step("train", 0, 1, { workflow: "b" }), step("build", 1, 2, { workflow: "a" })];
    const { groups } = runCard(run([...steps, step("more", 2, 3, { workflow: "b" })]), now(4));
    expect(groups.map(({ workflow, steps: found }) => [workflow, found.map(({ name }) => name)])).toEqual([
      ["b", ["train", "more"]],
      ["a", ["build"]],
    ]);
  });

  it("keeps a step that has not begun without time and bar", () => {
    const { groups } = runCard(run([step("load", null, null, { phase: "Pending" })]), now(100));
    expect(groups[0].steps[0]).toMatchObject({ elapsed: "", width: 0, tone: "quiet" });
  });

  it("shows the verdict of a gate rather than its phase, with the reason", () => {
    const verdict = { verdict: "fail", reason: "76 % of 100 requests succeeded" };
    const { groups } = runCard(run([step("load", 0, 10, { verdict })]), now(20));
    expect(groups[0].steps[0]).toMatchObject({ word: "fail", tone: "bad", explanation: verdict.reason });
  });

  it("has no negative time when the browser's clock is behind", () => {
    expect(runCard(run([step("train", 0, null)]), now(-30))).toMatchObject({ elapsed: "0 s" });
  });
});

it("a run that ended says what became of it, and its time stands still", () => {
  const outcome = { word: "Reverted", sentence: "staging is back on 1.0.6" };
  const card = runCard(run([], { finishedAt: time(61), outcome }), now(500));
  expect(card).toMatchObject({ word: "Reverted", tone: "warn", elapsed: "1 min 01 s" });
});

describe("what is read out", () => {
  const before = [run([step("train", 0, null)])];

  it("is nothing while nothing changes", () => {
    expect(runEvents(before, before)).toEqual([]);
  });

  it("is each step that begins or ends, with a gate's verdict", () => {
    const verdict = { verdict: "pass", reason: "" };
    const after = [run([step("train", 0, 5), step("load", 5, 6, { verdict })])];
    expect(runEvents(before, after)).toEqual(["train: Succeeded.", "load: pass."]);
  });

  it("is a run that begins, and one that ends", () => {
    expect(runEvents([], before)).toEqual(["train-model has started."]);
    const outcome = { word: "Promoted", sentence: "canary serves 1.0.7" };
    const after = [run([step("train", 0, null)], { finishedAt: time(9), outcome })];
    expect(runEvents(before, after)).toEqual(["train-model: canary serves 1.0.7"]);
    expect(runEvents(after, after)).toEqual([]);
  });
});
