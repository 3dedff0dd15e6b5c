import { describe, expect, it } from "vitest";
import { runViews } from "../../../board/server/run-view";
import type { Workflow } from "../../../client/workflows";
import { gate, skipped, workflow } from "../../cli/workflows";

const now = new Date("2026-01-05T10:10:00Z");
const single = (name: string, at: string, changes: Partial<Workflow["metadata"]> = {}, status = {}): Workflow => ({
  metadata: { name, creationTimestamp: at, ...changes },
  spec: { workflowTemplateRef: { name: "promote-model" } },
  status: { phase: "Running", startedAt: at, ...status },
});
const ended = { phase: "Succeeded", finishedAt: "2026-01-05T10:05:00Z" };

describe("the pipeline runs", () => {
  it("are told by all their Workflows, with the steps and what the gates found", () => {
    const trained = workflow("train-model", { from: 0, to: 60, steps: [{ name: "train", from: 1, to: 55 }] });
    trained.status!.outputs!.parameters!.push({ name: "version", value: "7" });
    const tested = workflow("test-staging", {
      from: 101,
      to: 190,
      outcome: "reverted",
      reason: "load: P95 2400 ms",
      steps: [gate("load", 120, 150, "fail", "P95 2400 ms"), skipped("promote-on-success", 151)],
    });
    const [view] = runViews([tested, trained], now);
    expect(view).toMatchObject({
      name: "train-model-abc123",
      template: "train-model",
      version: "1.0.7",
      startedAt: "2026-01-05T10:00:00Z",
      finishedAt: "2026-01-05T10:03:10Z",
      outcome: { word: "Turned away", sentence: "load: P95 2400 ms" },
    });
    expect(view.steps.map(({ workflow, name, phase, verdict }) => [workflow, name, phase, verdict])).toEqual([
      ["train-model-abc123", "train", "Succeeded", null],
      ["test-staging-v7-def456", "load", "Succeeded", { verdict: "fail", reason: "P95 2400 ms" }],
      ["test-staging-v7-def456", "promote-on-success", "Skipped", null],
    ]);
  });

  it("that run come first, then those that ended last, without the schedules but that of the trainings", () => {
    const cron = { "workflows.argoproj.io/cron-workflow": "cron-restore-releases" };
    const training = single("cron-train-1", "2026-01-05T08:00:00Z", {
      labels: { "workflows.argoproj.io/cron-workflow": "cron-train" },
    });
    const runs = runViews(
      [
        single("b", "2026-01-05T10:02:00Z", {}, ended),
        single("a", "2026-01-05T10:01:00Z"),
        single("c", "2026-01-05T10:03:00Z", { labels: cron }),
        { ...training, spec: { workflowTemplateRef: { name: "train-model" } } },
      ],
      now,
    );
    expect(runs.map(({ name, requestedBy }) => [name, requestedBy])).toEqual([
      ["a", "somebody whom Argo does not know"],
      ["cron-train-1", "schedule cron-train"],
      ["b", "somebody whom Argo does not know"],
    ]);
  });

  it("are at most twenty", () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      single(`run-${index}`, `2026-01-05T09:${index + 10}:00Z`, {}, ended),
    );
    const names = runViews(many, now).map(({ name }) => name);
    expect([names.length, names[0]]).toEqual([20, "run-29"]);
  });

  it.each([
    ["waits for what it started", "2026-01-05T10:01:30Z", null],
    ["lost what it started", "2026-01-05T10:02:30Z", "Broken"],
  ])("end with the last Workflow: a training that has ended %s", (_title, at, word) => {
    const trained = workflow("train-model", { from: 0, to: 60 });
    const [{ outcome, finishedAt }] = runViews([trained], new Date(at));
    expect([outcome?.word ?? null, finishedAt !== null]).toEqual([word, word !== null]);
  });

  it.each([
    [
      { "gourmetgram.io/parent": "x", "gourmetgram.io/pipeline-run": "train-model-1" },
      {},
      "pipeline run train-model-1",
    ],
    [{}, { "gourmetgram.io/submitted-by": "anna" }, "anna"],
    [{ "workflows.argoproj.io/creator": "bert" }, {}, "bert, as a label says"],
  ])("were asked for by who is in the labels %j and the annotations %j", (labels, annotations, who) =>
    expect(runViews([single("a", "2026-01-05T10:00:00Z", { labels, annotations } as never)], now)[0].requestedBy).toBe(
      who,
    ),
  );
});
