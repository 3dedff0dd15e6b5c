import type { ApprovalView, DeliveryView, EnvironmentView, ModelView, PipelineView, RecordView } from "../../board/api";
import { digestOf, modelsUntil } from "./models";
import { recordsUntil, scriptedRecords, servedAt } from "./records";
import { endedRuns, runLength, scriptedRun } from "./scripted-run";

/**
 * What the page is shown: a usual pipeline, one without anything, a frozen one, one as large as they come, and the
 * usual one behind a server that does not answer yet, or whose MLflow does not.
 */
export const sceneNames = ["usual", "empty", "frozen", "large", "loading", "failing"] as const;
export type SceneName = (typeof sceneNames)[number];

export interface Scene {
  readonly environments: readonly string[];
  readonly models: readonly ModelView[];
  /** @param now in milliseconds since 1970 */
  readonly recordsAt: (now: number) => readonly RecordView[];
  readonly pipelineAt: (now: number) => PipelineView;
  readonly delivery: DeliveryView;
}

const minutes = 60_000;

const largePath = Array.from({ length: 30 }, (_, index) => {
  if (index === 0) return "staging";
  if (index === 29) return "production";
  return index === 28 ? "canary" : `region-${String(index).padStart(2, "0")}`;
});

function environmentAt(scene: Scene, name: string, index: number, now: number): EnvironmentView {
  const at = new Date(now).toISOString();
  const records = scene.recordsAt(now);
  const version = servedAt(scene.environments, records, at).environments[index].version;
  const since = records.find((one) => one.environment === name && one.serves)?.endedAt ?? null;
  const isLast = index === scene.environments.length - 1;
  return {
    name,
    version,
    digest: version && digestOf(version),
    since,
    health: index === 7 ? "Degraded" : "Healthy",
    pods: { ready: index === 7 ? 0 : 1 + Number(isLast), all: 1 + Number(isLast), restarts: index === 7 ? 4 : 0 },
    percent: usersOf(scene.environments.length - 1 - index),
    barrier: index === 12 ? failed(version) : null,
    soakLeftSeconds: isLast ? null : 0,
    needsApproval: isLast,
    closed:
      index === 5
        ? `Promotions to ${name} are closed outside of the window office (working hours). ` +
          "They open at 2026-12-01T08:00:00Z."
        : null,
    promotesFrom: scene.environments[index - 1] ?? null,
  };
}

const failed = (version: string | null) => ({
  word: "Turned away",
  sentence: `${version} did not pass staging: load: 76 % of 100 requests succeeded, it must be over 95 %.`,
});

/** Percent of the users: the last environment and the one before it share them. */
function usersOf(fromEnd: number): number | null {
  if (fromEnd === 0) return 80;
  return fromEnd === 1 ? 20 : null;
}

const approval = (version: string, now: number): ApprovalView => ({
  name: "promote-model-h5t7w",
  target: "production",
  version,
  digest: digestOf(version),
  requestedBy: "bob",
  requestedAt: new Date(now - 18 * minutes).toISOString(),
  expiresAt: new Date(now + 101 * minutes).toISOString(),
  minimum: 2,
  emergency: "",
  figures: { "load.p95_ms": 412.3, "load.success_percent": 100, "resource.memory_mib": 118, "resource.restarts": 0 },
  responses: [{ user: "carol", action: "approve", message: "canary looks good since this morning" }],
  phase: "Waiting",
  reason: "",
});

const links = {
  staging: "http://127.0.0.1:8081",
  canary: "http://127.0.0.1:8082",
  production: "http://127.0.0.1:8080",
  argoWorkflows: "http://127.0.0.1:2746",
  argoCd: "http://127.0.0.1:8888",
  mlflow: "http://127.0.0.1:8000",
};

const delivery = (environments: readonly string[], end: number): DeliveryView => ({
  from: new Date(end - 30 * 24 * 60 * minutes).toISOString(),
  to: new Date(end).toISOString(),
  leadTime: { count: 14, median: 17_820, p90: 43_260 },
  unknownLeadTimes: 0,
  judged: 24,
  turnedAway: 8,
  by: { integration: 2, resource: 2, load: 4 },
  environments: environments.map((name, index) => ({
    name,
    deployments: Math.max(1, 24 - index),
    failures: index === 0 ? 8 : 0,
    restore: { count: index === 0 ? 8 : 0, median: index === 0 ? 74 : null },
  })),
});

const nothing = (end: number): DeliveryView => ({
  ...delivery([], end),
  leadTime: { count: 0, median: null, p90: null },
  unknownLeadTimes: 0,
  judged: 0,
  turnedAway: 0,
  by: {},
});

function emptyScene(begin: number): Scene {
  const environments = ["staging", "canary", "production"];
  const empty: Scene = {
    environments,
    models: [],
    recordsAt: () => [],
    delivery: nothing(begin),
    pipelineAt: (now) => ({
      at: new Date(now).toISOString(),
      recordAt: new Date(begin).toISOString(),
      environments: environments.map((name, index) => ({
        ...environmentAt(empty, name, index, now),
        percent: null,
        pods: { ready: 1, all: 1, restarts: 0 },
      })),
      freeze: null,
      traffic: null,
      dataDrift: null,
      runs: [],
      approvals: [],
      problems: [],
      links,
    }),
  };
  return empty;
}

/** @param begin when the server began, in milliseconds since 1970: the scripted run begins then */
export function makeScene(name: SceneName, begin: number): Scene {
  if (name === "empty") return emptyScene(begin);
  const environments = name === "large" ? largePath : ["staging", "canary", "production"];
  // The newest version is the one that the scripted run makes.
  const count = name === "large" ? 1_000 : 25;
  const newest = name === "large" ? 120 : 24;
  const records = recordsUntil(environments, newest, begin);
  const aliases = { 24: ["staging"], 22: ["canary"], 21: ["production", "champion"] };
  const models = modelsUntil(count, begin, aliases).map((model) => ({
    ...model,
    records: records.filter(({ version }) => version === model.version).length,
  }));
  const isFrozen = name === "frozen";
  const elapsedAt = (now: number) => ((now - begin) / 1000 + 95) % runLength;
  const scene: Scene = {
    environments,
    models,
    recordsAt: (now) =>
      isFrozen ? records : [...scriptedRecords(environments, `1.0.${count}`, now, elapsedAt(now)), ...records],
    delivery: delivery(environments, begin),
    pipelineAt: (now) => {
      const elapsed = elapsedAt(now);
      const run = scriptedRun(`1.0.${count}`, now - elapsed * 1000, elapsed);
      return {
        at: new Date(now).toISOString(),
        recordAt: new Date(begin).toISOString(),
        environments: environments.map((environment, index) => ({
          ...environmentAt(scene, environment, index, now),
          ...(index === 0 && elapsed >= 59 && elapsed < 74 && { health: "Progressing" }),
          ...(index === 1 && { soakLeftSeconds: Math.max(0, 260 - Math.floor((now - begin) / 1000)) }),
        })),
        freeze: isFrozen
          ? {
              who: "alice",
              since: new Date(begin - 95 * minutes).toISOString(),
              why: "release of the shop until Monday",
            }
          : null,
        traffic: "80 % of the users meet production, 20 % meet canary; 50 % from 15:20 on.",
        dataDrift: null,
        runs: isFrozen ? endedRuns(begin) : [run, ...endedRuns(begin)],
        approvals: isFrozen ? [] : [approval(`1.0.${newest}`, begin)],
        problems: isFrozen ? ["MLflow answered with 503: upstream connect error"] : [],
        links,
      };
    },
  };
  return scene;
}
