import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failure, goesOn, outcomes, pipelineRunEvents, pipelineRunOutcome } from "../../client/pipeline-run";
import { repositoryRoot } from "../../lib/paths";
import { gate, skipped, workflow } from "../cli/workflows";

const trained = workflow("train-model", {
  from: 0,
  to: 60,
  steps: [
    { name: "train", from: 1, to: 55 },
    { name: "build-container-image", from: 56, to: 59, tries: 0 },
  ],
});
const built = workflow("build-container-image", { from: 58, to: 200 });
const deployed = workflow("deploy-container-image", { from: 80, to: 100 });
const tested = (outcome: string, reason: string, more = {}) =>
  workflow("test-staging", { from: 101, to: 190, outcome, reason, ...more });
const promoted = workflow("promote-model", { from: 150, to: 188, outcome: "promoted", reason: "canary serves 1.0.7" });
const reverted = workflow("revert-staging", {
  from: 150,
  to: 188,
  outcome: "reverted",
  reason: "staging is back on 1.0.6",
});

describe("a pipeline run that nobody follows any more", () => {
  const stop = (name: string) =>
    `${`kubectl patch workflow ${name} --namespace argo --type merge --patch '{"spec":{"shutdown":"Stop"}}'`}`;

  it("goes on, and is stopped by the last of its Workflows that runs", () => {
    const testing = workflow("test-staging", { from: 101 });
    const name = trained.metadata.name;
    expect(goesOn(name, [trained, built, testing], "kubectl").split("\n")).toEqual([
      `${name} goes on in the cluster; it is only no longer shown here.`,
      "To see what becomes of it, run npm run status -- --watch, then npm run history.",
      `To stop it: ${stop(testing.metadata.name)}`,
    ]);
    const local = "kubectl --kubeconfig /state/kubeconfig";
    expect(goesOn(name, [], local).split("\n")[2]).toBe(`To stop it: ${stop(name).replace("kubectl", local)}`);
  });
});

describe("the outcome of a pipeline run", () => {
  it("is 0 when the model reached canary", () => {
    expect(pipelineRunOutcome([trained, built, deployed, tested("promoted", "canary serves 1.0.7"), promoted])).toEqual(
      {
        exitCode: 0,
        word: "Promoted",
        sentence: "canary serves 1.0.7",
      },
    );
  });

  it("is 0 as well when its deployment was late, and the gates passed all the same", () => {
    const late = workflow("deploy-container-image", { from: 80, to: 100, phase: "Failed" });
    expect(
      pipelineRunOutcome([trained, built, late, tested("promoted", "canary serves 1.0.7"), promoted])?.exitCode,
    ).toBe(0);
  });

  it("is 1, with the gate and its reason, when the model was turned away", () => {
    const reason = "resource: OOMKilled at 256Mi; staging is back on 1.0.6";
    expect(pipelineRunOutcome([trained, built, deployed, tested("reverted", reason), reverted])).toEqual({
      exitCode: 1,
      word: "Turned away",
      sentence: reason,
    });
  });

  it("is 1 when training refused to register the model", () => {
    const refused = workflow("train-model", {
      from: 0,
      to: 60,
      phase: "Failed",
      outcome: "below_accuracy_bar",
      reason: "accuracy 0.31 is below 0.8",
    });
    expect(pipelineRunOutcome([refused])).toEqual({
      exitCode: 1,
      word: "Turned away",
      sentence: "accuracy 0.31 is below 0.8",
    });
  });

  it("is 1 when a rule forbids the promotion that a person asked for", () => {
    const reason = "Promotions are frozen by anna: exams";
    const promotion = workflow("promote-model", { from: 0, to: 9, phase: "Failed", outcome: "refused", reason });
    expect(pipelineRunOutcome([promotion])).toEqual({ exitCode: 1, word: "Turned away", sentence: reason });
  });

  it("is known for every outcome that a workflow can report", () => {
    const source = readFileSync(join(repositoryRoot, "workflows", "lib", "outputs.py"), "utf8");
    const [, listed] = /^OUTCOMES = \(([^)]*)\)/m.exec(source)!;
    expect(Object.keys(outcomes).sort()).toEqual([...listed.matchAll(/"(\w+)"/g)].map(([, name]) => name).sort());
  });

  it("is 2 when a gate couldn't judge, though staging was reverted", () => {
    const reason = "integration: the gate left no report; staging is back on 1.0.6";
    expect(pipelineRunOutcome([trained, built, deployed, tested("inconclusive", reason), reverted])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: reason,
    });
  });

  it("is 2 when nobody judged, and only the revert speaks", () => {
    const lost = tested("", "", { phase: "Failed", message: "Max duration limit exceeded" });
    expect(pipelineRunOutcome([trained, built, deployed, lost, reverted])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "test-staging-v7-def456: Max duration limit exceeded",
    });
  });

  it("is 2 when the promotion broke", () => {
    const broken = tested("broken", "1.0.7 passed staging, but its promotion failed: no answer", { phase: "Failed" });
    expect(pipelineRunOutcome([trained, built, deployed, broken])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "1.0.7 passed staging, but its promotion failed: no answer",
    });
  });

  it("is 2 with the first cause where a workflow failed before anyone could judge", () => {
    const failed = workflow("build-container-image", {
      from: 58,
      to: 70,
      phase: "Failed",
      message: "child failed",
      steps: [{ name: "build", from: 60, to: 69, tries: 0, phase: "Failed", message: "Error (exit code 1)" }],
    });
    expect(pipelineRunOutcome([trained, failed])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "build-container-image-v7-def456, step build: Error (exit code 1)",
    });
  });

  it("is 2 when everything succeeded and nobody said anything", () => {
    expect(pipelineRunOutcome([trained, built])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "the pipeline run ended without a verdict: see its workflows in Argo",
    });
  });

  it("is 2 for a word that nobody knows", () => {
    expect(pipelineRunOutcome([trained, tested("celebrated", "")])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "celebrated",
    });
  });

  it("is the exit handler's where it had to act, and stays where it had not", () => {
    const stopped = workflow("build-container-image", {
      from: 0,
      to: 60,
      phase: "Failed",
      outcome: "broken",
      reason: "first",
    });
    stopped.status!.outputs!.parameters!.push(
      { name: "exit-handler-outcome", value: "inconclusive" },
      { name: "exit-handler-reason", value: "stopped; staging is back on 1.0.6" },
    );
    expect(pipelineRunOutcome([stopped])).toEqual({
      exitCode: 2,
      word: "Broken",
      sentence: "stopped; staging is back on 1.0.6",
    });
    for (const parameter of stopped.status!.outputs!.parameters!)
      if (parameter.name.startsWith("exit-handler")) parameter.value = "";
    expect(pipelineRunOutcome([stopped])).toEqual({ exitCode: 2, word: "Broken", sentence: "first" });
  });

  it("is 1 when the model passed and a rule keeps it from canary", () => {
    const held = workflow("test-staging", {
      from: 0,
      to: 60,
      outcome: "held",
      reason: "1.0.7 passed staging, but was not promoted: frozen",
    });
    expect(pipelineRunOutcome([held])).toEqual({
      exitCode: 1,
      word: "Held",
      sentence: "1.0.7 passed staging, but was not promoted: frozen",
    });
  });

  it("is that of the revert itself where it is a run of its own", () => {
    expect(pipelineRunOutcome([reverted])).toEqual({
      exitCode: 0,
      word: "Reverted",
      sentence: "staging is back on 1.0.6",
    });
  });

  it("is open while a workflow runs, waits, or is still to come", () => {
    const waiting = { ...built, status: undefined };
    expect(pipelineRunOutcome([])).toBeUndefined();
    expect(pipelineRunOutcome([trained])).toBeUndefined();
    expect(pipelineRunOutcome([trained, waiting])).toBeUndefined();
    expect(pipelineRunOutcome([trained, workflow("build-container-image", { from: 58 })])).toBeUndefined();
    expect(
      pipelineRunOutcome([trained, workflow("build-container-image", { from: 58 }), tested("reverted", "x")]),
    ).toBeUndefined();
  });
});

describe("what a person sees of a pipeline run", () => {
  const turnedAway = tested("reverted", "integration: 1000 classes; staging is back on 1.0.6", {
    steps: [
      gate("integration", 102, 110, "fail", "1000 classes instead of 11"),
      skipped("resource", 111),
      skipped("load", 112),
      { name: "revert-on-failure", from: 113, to: 189, tries: 0 },
      skipped("exit-handler", 190, true),
    ],
  });

  it("comes in the order of time, steps below their workflow, with what each says", () => {
    const lines = pipelineRunEvents([trained, turnedAway]).map(({ depth, name, phase, seconds, detail }) => [
      depth,
      name,
      phase,
      seconds,
      detail,
    ]);
    expect(lines).toEqual([
      [0, "train-model-abc123", "Running", undefined, undefined],
      [1, "train", "Succeeded", 54, undefined],
      [1, "build-container-image", "Succeeded", 3, undefined],
      [0, "train-model-abc123", "Succeeded", 60, undefined],
      [0, "test-staging-v7-def456", "Running", undefined, undefined],
      [1, "integration", "Failed", 8, "fail: 1000 classes instead of 11"],
      [1, "resource", "Skipped", 0, undefined],
      [1, "load", "Skipped", 0, undefined],
      [1, "revert-on-failure", "Succeeded", 76, undefined],
      [0, "test-staging-v7-def456", "Succeeded", 89, "reverted: integration: 1000 classes; staging is back on 1.0.6"],
    ]);
  });

  it("has a key of its own for each line, the same at every look", () => {
    const keys = pipelineRunEvents([trained, turnedAway]).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(pipelineRunEvents([turnedAway, trained]).map(({ key }) => key)).toEqual(keys);
  });

  it.each([
    ["pass", "Succeeded"],
    ["fail", "Failed"],
    ["inconclusive", "Failed"],
    ["skipped", "Succeeded"],
  ])("shows a gate that says %s as %s", (verdict, phase) => {
    const [, event] = pipelineRunEvents([tested("", "", { steps: [gate("load", 120, 130, verdict, "because")] })]);
    expect([event.phase, event.detail]).toEqual([phase, `${verdict}: because`]);
  });

  it("shows nothing of what has not begun, and no end of what still runs", () => {
    expect(pipelineRunEvents([{ ...built, status: undefined }])).toEqual([]);
    const running = workflow("build-container-image", { from: 58, steps: [{ name: "build", from: 60 }] });
    expect(pipelineRunEvents([running]).map(({ name, phase }) => [name, phase])).toEqual([
      ["build-container-image-v7-def456", "Running"],
    ]);
  });

  it("tells tries apart, and says why one failed", () => {
    const steps = [
      { name: "build", from: 60, to: 61, tries: 0, phase: "Error", message: "pod deleted" },
      { name: "build", from: 62, to: 69, tries: 1, outputs: { report: "no JSON" } },
    ];
    const events = pipelineRunEvents([workflow("build-container-image", { from: 58, steps })]).slice(1);
    expect(events.map(({ name, phase, detail }) => [name, phase, detail])).toEqual([
      ["build", "Error", "pod deleted"],
      ["build(1)", "Succeeded", undefined],
    ]);
  });
});

describe("failure", () => {
  it.each([
    [
      "the reason that the step gave",
      { outputs: { reason: "no answer from MLflow" }, message: "Error (exit code 1)" },
      "train-model-abc123, step train: no answer from MLflow",
    ],
    [
      "else what Argo says of the step",
      { message: "OOMKilled (exit code 137)" },
      "train-model-abc123, step train: OOMKilled (exit code 137)",
    ],
    ["else what Argo says of the workflow", {}, "train-model-abc123, step train: child failed"],
  ])("names %s", (_title, step, expected) => {
    expect(
      failure(
        workflow("train-model", {
          from: 0,
          to: 9,
          phase: "Failed",
          message: "child failed",
          steps: [{ name: "train", from: 1, to: 8, phase: "Failed", ...step }],
        }),
      ),
    ).toBe(expected);
  });

  it("names the first step that failed, and the phase where nobody says anything", () => {
    const steps = [
      { name: "second", from: 5, to: 6, phase: "Failed", message: "b" },
      { name: "first", from: 1, to: 2, phase: "Failed", message: "a" },
    ];
    expect(failure(workflow("train-model", { from: 0, to: 9, phase: "Failed", steps }))).toBe(
      "train-model-abc123, step first: a",
    );
    expect(failure(workflow("train-model", { from: 0, to: 9, phase: "Error" }))).toBe("train-model-abc123: Error");
  });
});
