import { describe, expect, it } from "vitest";
import type { EnvironmentState } from "../../cli/backups/environments";
import type { Backup, Manifest } from "../../cli/backups/manifest";
import {
  awaitIdle,
  beginOrResume,
  checkVersion,
  compare,
  holdReleases,
  keptOf,
  refuseRuns,
  render,
  restoredAt,
} from "../../cli/restore";
import type { EnvironmentStatus } from "../../client/pipeline-status";
import type { Release } from "../../client/releases";
import { type Answers, withApiServer } from "./api-server";

const platform = "/apis/apps/v1/namespaces/gourmetgram-platform/deployments/mlflow";
const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy";
const model = "GourmetGramFood11Model";
const registered = `GET ${mlflow}/api/2.0/mlflow/registered-models/search?filter=name='${model}'&max_results=1`;
const versions =
  `GET ${mlflow}/api/2.0/mlflow/model-versions/search?` +
  `filter=name='${model}'&max_results=1000&order_by=version_number DESC`;
const experiment = `GET ${mlflow}/api/2.0/mlflow/experiments/get-by-name?experiment_name=gourmetgram-releases`;
const runs = `POST ${mlflow}/api/2.0/mlflow/runs/search`;
const missing = [404, { error_code: "RESOURCE_DOES_NOT_EXIST" }];
const empty: Answers = {
  [`GET ${platform}`]: { metadata: {}, spec: { replicas: 2 } },
  [registered]: {},
  [experiment]: missing,
};
const filled: Answers = {
  ...empty,
  [registered]: { registered_models: [{}] },
  [versions]: { model_versions: [{ version: "2" }, { version: "1" }] },
  [experiment]: { experiment: { experiment_id: "4" } },
  [runs]: { runs: [{ info: { start_time: Date.parse("2026-01-05T10:00:00Z") }, data: {} }] },
};
const begun = (backup: string): Answers => ({
  [`GET ${platform}`]: {
    metadata: {
      annotations: { "gourmetgram.io/restore": JSON.stringify({ restore: "restore-1", backup, replicas: 2 }) },
    },
    spec: { replicas: 0 },
  },
});
const backup = { id: "abc", folder: "/backups/friday" } as Backup;
const now = new Date("2026-01-31T12:00:00.123Z");
const begin = (answers: Answers, replace = false) =>
  withApiServer(answers, (cluster) => beginOrResume(cluster, backup, replace, now));

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

describe("a restore", () => {
  it("begins in a stack whose MLflow has nothing", async () =>
    expect(await begin(empty)).toEqual({
      restore: "restore-20260131T120000Z",
      backup: "abc",
      replicas: 2,
      isResumed: false,
    }));

  it("refuses to replace what MLflow has, and lists it", async () => {
    await expect(begin(filled)).rejects.toThrow(
      new Error(
        "the stack's MLflow has 2 model versions (1.0.1, 1.0.2) and 1 record of releases, the newest of " +
          "2026-01-05T10:00:00Z, and the restore would put the backup in their place. Nothing has changed. To do " +
          "that, run npm run restore -- /backups/friday --replace: what MLflow has is then kept beside it",
      ),
    );
  });

  it("refuses where MLflow does not say what it has", async () => {
    await expect(begin({ ...empty, [registered]: [503, ""] })).rejects.toThrow(
      "the stack's MLflow does not say what it has (MLflow answered with 503: see its log with " +
        "kubectl --kubeconfig /state/kubeconfig logs --namespace gourmetgram-platform deployment/mlflow), " +
        "and the restore would put the backup in their place",
    );
  });

  it("replaces it if it is told to", async () =>
    expect(await begin({ [`GET ${platform}`]: { metadata: {}, spec: {} } }, true)).toMatchObject({ isResumed: false }));

  it("continues one of the same backup, whatever MLflow has by then", async () =>
    expect(await begin(begun("abc"))).toEqual({ restore: "restore-1", backup: "abc", replicas: 2, isResumed: true }));

  it("refuses where one of another backup has not come to its end", async () => {
    await expect(begin(begun("other"))).rejects.toThrow(
      new Error(
        "restore-1, of another backup, has not come to its end: run it again, " +
          "or restore this one instead with npm run restore -- /backups/friday --replace",
      ),
    );
    expect(await begin(begun("other"), true)).toEqual({
      restore: "restore-20260131T120000Z",
      backup: "abc",
      replicas: 2,
      isResumed: false,
    });
  });

  it("leaves MLflow with a pod, also where one that was killed has left it without", async () => {
    const stopped = (restore?: object): Answers => ({
      [`GET ${platform}`]: {
        metadata: { annotations: restore && { "gourmetgram.io/restore": JSON.stringify(restore) } },
        spec: { replicas: 0 },
      },
    });
    expect(await begin(stopped(), true)).toMatchObject({ replicas: 1, isResumed: false });
    const noted = { restore: "restore-1", backup: "abc", replicas: 0 };
    expect(await begin(stopped(noted))).toMatchObject({ replicas: 1, isResumed: true });
    expect(await begin(stopped({ ...noted, backup: "other" }), true)).toMatchObject({ replicas: 1, isResumed: false });
  });

  it("needs a stack", async () => {
    await expect(begin({ [`GET ${platform}`]: [404, { message: "not found" }] })).rejects.toThrow(
      new Error("the cluster has no MLflow (not found): run npm start, or pulumi up, then restore"),
    );
  });
});

describe("the version of MLflow", () => {
  const check = (own: unknown) =>
    withApiServer({ [`GET ${mlflow}/version`]: own }, (cluster) =>
      checkVersion(cluster, { mlflow: "3.17.2" } as Manifest),
    );

  it("may be the same, or newer", async () => {
    await check("3.17.2");
    await check("4.0.0");
  });

  it("may not be older", async () => {
    await expect(check("3.16.9")).rejects.toThrow(
      new Error(
        "the backup is of MLflow 3.17.2, and the stack has 3.16.9, which can't open its tables: " +
          "update the stack first, with a program that has this version or a newer one",
      ),
    );
  });
});

describe("the pipeline", () => {
  const path = "GET /apis/argoproj.io/v1alpha1/namespaces/argo/workflows";
  const workflow = (name: string, template: string, phase: string) => ({
    metadata: { name, creationTimestamp: "" },
    spec: { workflowTemplateRef: { name: template } },
    status: { phase },
  });

  it("is idle when every Workflow has ended", async () =>
    withApiServer({ [path]: { items: [workflow("a", "train-model", "Succeeded")] } }, (cluster) =>
      awaitIdle(cluster, () => undefined),
    ));

  it.each(["notify", "restore-releases", "revert-staging", "shift-traffic", "watch-data-drift"])(
    "is waited for while a schedule runs %s",
    async (template) => {
      const told: string[] = [];
      const phases = ["Running", "Succeeded"];
      const answers = {
        get [path]() {
          return { items: [workflow("cron-1", template, phases.shift()!)] };
        },
      };
      await withApiServer(answers, (cluster) => awaitIdle(cluster, (doing) => told.push(doing)));
      expect(told).toEqual(["waits for cron-1"]);
    },
  );

  const canaryWorkflow = (displayName: string, phase = "Running") => {
    const begun = workflow("cron-1", "shift-traffic", "Running");
    const node = { name: `cron-1.${displayName}`, displayName, type: "Pod", phase, startedAt: "2026-01-05T10:00:00Z" };
    return { ...begun, status: { ...begun.status, startedAt: node.startedAt, nodes: { "cron-1-1": node } } };
  };

  it.each(["shift", "shift(0)", "shift(1)"])("is idle while its step %s watches canary for hours", (step) =>
    withApiServer({ [path]: { items: [canaryWorkflow(step)] } }, (cluster) => awaitIdle(cluster, () => undefined, 0)),
  );

  it.each([
    ["runs", canaryWorkflow("abort")],
    ["may follow", canaryWorkflow("shift", "Succeeded")],
  ])("is not idle while the abort of a canary %s", (_what, running) =>
    expect(
      withApiServer({ [path]: { items: [running] } }, (cluster) => awaitIdle(cluster, () => undefined, -1)),
    ).rejects.toThrow("cron-1 runs in the pipeline"),
  );

  it("lets a restore begin while a schedule waits for an MLflow that only the restore brings back", async () => {
    const items = ["restore-releases", "revert-staging"].map((template) => workflow(template, template, "Running"));
    await withApiServer({ [path]: { items } }, (cluster) => refuseRuns(cluster));
  });

  it("lets no restore begin in a pipeline run", () => {
    const items = [workflow("b", "restore-releases", "Running"), workflow("train-model-1", "train-model", "Running")];
    return expect(withApiServer({ [path]: { items } }, (cluster) => refuseRuns(cluster))).rejects.toThrow(
      "train-model-1 runs in the pipeline, and would continue",
    );
  });

  it("is not interrupted in a pipeline run", async () => {
    const items = [workflow("train-model-1", "train-model", "Running"), workflow("b", "restore-releases", "Running")];
    await expect(
      withApiServer({ [path]: { items } }, (cluster) => awaitIdle(cluster, () => undefined)),
    ).rejects.toThrow(
      new Error(
        "train-model-1, b runs in the pipeline, and would continue with what the restore replaces: wait for its " +
          "end, or stop it with argo stop --namespace argo <name>, then run npm run restore again",
      ),
    );
  });
});

describe("what the Applications hold", () => {
  const path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
  const state = (name: string, changes: Partial<EnvironmentState>): EnvironmentState => ({
    name,
    application: `gourmetgram-${name}`,
    lastRelease: null,
    released: null,
    ...changes,
  });
  const held = async (wanted: Manifest["environments"], ...found: EnvironmentState[]) => {
    const answers = Object.fromEntries(
      found.map(({ application }) => [`PATCH ${path}/${application}?fieldManager=promotion-pipeline`, {}]),
    );
    return withApiServer(answers, async (cluster, calls) => {
      await holdReleases(cluster, wanted, found, digest("b"), now.getTime());
      return calls.map(({ line, body }) => [
        /gourmetgram-(\w+)/.exec(line)![1],
        JSON.parse(body.metadata.annotations["gourmetgram.io/last-release"]),
      ]);
    });
  };
  const good = { version: "1.0.2", digest: digest("a") };

  it("is newer than every record, also where this machine's clock is behind", () => {
    const record = (startedAt: Date, endedAt: Date | null) => ({ startedAt, endedAt }) as Release;
    const later = new Date(now.getTime() + 60_000);
    expect(restoredAt(undefined, now)).toBe(now.getTime());
    expect(restoredAt(record(now, null), later)).toBe(later.getTime());
    expect(restoredAt(record(now, later), now)).toBe(later.getTime() + 1);
    expect(restoredAt(record(later, null), now)).toBe(later.getTime() + 1);
  });

  it("is what the backup says", async () =>
    expect(await held({ canary: good }, state("canary", {}))).toEqual([["canary", { ...good, at: now.getTime() }]]));

  it("is the base image of this stack where the backup has no release and the stack has one", async () =>
    expect(
      await held(
        { canary: null, production: { version: "base", digest: digest("f") } },
        state("canary", { released: digest("c") }),
        state("production", { lastRelease: good }),
      ),
    ).toEqual([
      ["canary", { version: "base", digest: digest("b"), at: now.getTime() }],
      ["production", { version: "base", digest: digest("b"), at: now.getTime() }],
    ]));

  it("stays where neither has a release, and where the backup has no such environment", async () =>
    expect(await held({ canary: null }, state("canary", {}), state("extra", { lastRelease: good }))).toEqual([]));
});

describe("the end", () => {
  const wanted: Manifest["environments"] = {
    staging: { version: "1.0.2", digest: digest("a") },
    canary: { version: "base", digest: digest("b") },
    production: null,
  };
  const found = (name: string, version: string | null, image: string | null) =>
    ({ name, version, digest: image }) as EnvironmentStatus;
  const same = [
    found("staging", "1.0.2", digest("a")),
    found("canary", null, digest("e")),
    found("production", null, digest("e")),
  ];

  it("is good if every environment serves the version and the digest of the backup", () =>
    expect(compare(wanted, same).map(({ isSame }) => isSame)).toEqual([true, true, true]));

  it.each([
    ["another digest", found("staging", "1.0.2", digest("e"))],
    ["another version", found("staging", "1.0.1", digest("a"))],
    ["no model", found("staging", null, digest("a"))],
  ])("is not if one has %s", (_what, other) =>
    expect(compare(wanted, [other, ...same.slice(1)]).map(({ isSame }) => isSame)).toEqual([false, true, true]),
  );

  it("is not if one is missing, and says so", () => {
    expect(
      render(
        compare(wanted, same.slice(1)),
        "friday",
        keptOf("kubectl --kubeconfig /state/kubeconfig", "restore-1", { database: false, artifacts: false }),
      ),
    ).toBe(
      "ENVIRONMENT  SERVES             BACKUP\n" +
        "staging      not in this stack  1.0.2     differs\n" +
        "canary       no model           no model  the same\n" +
        "production   no model           no model  the same\n\n" +
        "What MLflow had before is kept in /data/before-restore-1. When you no longer need it, delete it with " +
        "kubectl --kubeconfig /state/kubeconfig " +
        "exec --namespace gourmetgram-platform deployment/mlflow -- rm -r /data/before-restore-1\n\n" +
        "Not every environment serves what the backup friday says: see npm run status and npm run history.",
    );
  });

  it("says where the content is that was replaced, by where MLflow keeps it", () => {
    expect(
      keptOf("kubectl --kubeconfig /state/kubeconfig", "restore-20260131T120000Z", { database: true, artifacts: true }),
    ).toBe(
      "The tables that MLflow had before are kept in the schema before_restore_20260131t120000z of its database. " +
        "When you no longer need them, drop it there: DROP SCHEMA before_restore_20260131t120000z CASCADE\n" +
        "The artifacts that MLflow had before are still in its bucket, beside those of the backup.",
    );
    expect(
      keptOf("kubectl --kubeconfig /state/kubeconfig", "restore-1", { database: true, artifacts: false }).split(
        "\n",
      )[1],
    ).toBe(
      "What MLflow had on its volume before is kept in /data/before-restore-1. When you no longer need it, delete it " +
        "with kubectl --kubeconfig /state/kubeconfig " +
        "exec --namespace gourmetgram-platform deployment/mlflow -- rm -r /data/before-restore-1",
    );
  });
});
