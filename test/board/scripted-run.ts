import type { RunView, StepView } from "../../board/api";

/** Seconds after which the scripted run begins anew, with the next version. */
export const runLength = 150;

interface Script {
  readonly workflow: string;
  readonly name: string;
  /** Seconds after the beginning of the run. */
  readonly from: number;
  readonly to: number;
  readonly verdict?: { readonly verdict: string; readonly reason: string };
}

const script: readonly Script[] = [
  { workflow: "train-model-7xk2p", name: "train", from: 1, to: 34 },
  { workflow: "train-model-7xk2p", name: "start-build", from: 34, to: 36 },
  { workflow: "build-container-image-7xk2p", name: "build", from: 37, to: 58 },
  { workflow: "deploy-container-image-7xk2p", name: "deploy", from: 59, to: 74 },
  {
    workflow: "test-staging-7xk2p",
    name: "integration",
    from: 75,
    to: 83,
    verdict: { verdict: "pass", reason: "/test answers Soup, one of the 11 classes of Food-11, and /version 1.0.25" },
  },
  {
    workflow: "test-staging-7xk2p",
    name: "resource",
    from: 83,
    to: 90,
    verdict: {
      verdict: "pass",
      reason: "1 of 1 pod is ready, with 0 restarts (bar: 0) under the memory limit of 256Mi",
    },
  },
  {
    workflow: "test-staging-7xk2p",
    name: "load",
    from: 90,
    to: 112,
    verdict: {
      verdict: "pass",
      reason: "100 % of 100 requests succeeded (bar: over 95 %), 95 % within 412.3 ms (bar: under 2000 ms)",
    },
  },
  { workflow: "test-staging-7xk2p", name: "promote-on-success", from: 112, to: 140 },
];

function stepAt({ workflow, name, from, to, verdict }: Script, begin: number, elapsed: number): StepView {
  const at = (seconds: number) => new Date(begin + seconds * 1000).toISOString();
  const hasEnded = elapsed >= to;
  return {
    workflow,
    id: `${workflow}-${name}`,
    name,
    phase: hasEnded ? "Succeeded" : "Running",
    startedAt: at(from),
    finishedAt: hasEnded ? at(to) : null,
    verdict: hasEnded ? (verdict ?? null) : null,
    message: "",
  };
}

/** A run that promotes a version, as it is some seconds after its beginning. @param begin in ms since 1970 */
export function scriptedRun(version: string, begin: number, elapsed: number): RunView {
  const hasEnded = elapsed >= 141;
  return {
    name: "train-model-7xk2p",
    template: "train-model",
    version: elapsed < 34 ? null : version,
    requestedBy: "alice",
    startedAt: new Date(begin).toISOString(),
    finishedAt: hasEnded ? new Date(begin + 141_000).toISOString() : null,
    outcome: hasEnded ? { word: "Promoted", sentence: `canary serves ${version}` } : null,
    steps: script.filter(({ from }) => elapsed >= from).map((step) => stepAt(step, begin, elapsed)),
  };
}

const at = (now: number, minutesAgo: number): string => new Date(now - minutesAgo * 60_000).toISOString();

/** Two runs that ended: one whose model failed the gate of load, and one that promoted by hand. */
export function endedRuns(now: number): readonly RunView[] {
  const reason = "76 % of 100 requests succeeded, it must be over 95 %";
  const step = (workflow: string, name: string, from: number, to: number): StepView => ({
    workflow,
    id: `${workflow}-${name}`,
    name,
    phase: "Succeeded",
    startedAt: at(now, from),
    finishedAt: at(now, to),
    verdict: null,
    message: "",
  });
  return [
    {
      name: "promote-model-q9d4z",
      template: "promote-model",
      version: "1.0.21",
      requestedBy: "alice",
      startedAt: at(now, 64),
      finishedAt: at(now, 62),
      outcome: { word: "Promoted", sentence: "production serves 1.0.21" },
      steps: [step("promote-model-q9d4z", "promote", 64, 62)],
    },
    {
      name: "train-model-m2c8v",
      template: "train-model",
      version: "1.0.23",
      requestedBy: "cron-train",
      startedAt: at(now, 118),
      finishedAt: at(now, 109),
      outcome: { word: "Reverted", sentence: `load: ${reason}; staging is back on 1.0.22` },
      steps: [
        step("train-model-m2c8v", "train", 118, 115),
        step("build-container-image-m2c8v", "build", 115, 113),
        step("deploy-container-image-m2c8v", "deploy", 113, 112),
        {
          ...step("test-staging-m2c8v", "integration", 112, 111.7),
          verdict: {
            verdict: "pass",
            reason: "/test answers Soup, one of the 11 classes of Food-11, and /version 1.0.25",
          },
        },
        {
          ...step("test-staging-m2c8v", "resource", 111.7, 111.4),
          verdict: {
            verdict: "pass",
            reason: "1 of 1 pod is ready, with 0 restarts (bar: 0) under the memory limit of 256Mi",
          },
        },
        { ...step("test-staging-m2c8v", "load", 111.4, 110.6), verdict: { verdict: "fail", reason } },
        step("test-staging-m2c8v", "revert-on-failure", 110.6, 109),
      ],
    },
  ];
}
