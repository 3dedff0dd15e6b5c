import { describe, expect, it } from "vitest";
import type { PipelineView } from "../../../board/api";
import { digest, environment, mlflowSays, paths, record, version, wholePipeline } from "./pipeline";
import { ask, Events, withBoard } from "./running-board";

const line = ({ environments }: PipelineView) =>
  environments.map(({ name, version, percent, soakLeftSeconds, since }) => [
    name,
    version,
    percent,
    soakLeftSeconds,
    since,
  ]);
const versionOf = (name: string, { environments }: PipelineView) =>
  environments.find((environment) => environment.name === name)?.version;

describe("GET /api/pipeline", () => {
  it("is what the cluster and MLflow say", async () => {
    await withBoard(wholePipeline, async ({ url }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      const view = await events.view();
      expect(line(view)).toEqual([
        ["staging", "1.0.9", null, 0, null],
        ["canary", "1.0.7", 0, 0, "2026-01-04T10:00:00.000Z"],
        ["production", "1.0.7", 100, null, "2026-01-04T11:00:00.000Z"],
      ]);
      expect(view.environments[2]).toMatchObject({
        health: "Healthy",
        pods: { ready: 1, all: 1, restarts: 1 },
        promotesFrom: "canary",
        barrier: null,
        needsApproval: false,
        closed: null,
      });
      expect(view.runs.map(({ name, steps }) => [name, steps.map(({ id, phase }) => [id, phase])])).toEqual([
        ["train-model-abc123", [["train-model-abc123-0", "Running"]]],
      ]);
      expect(view).toMatchObject({
        freeze: null,
        traffic: "All users meet production.",
        dataDrift: "Data drift in production: no look at enough answers yet.",
        approvals: [],
        problems: [],
        links: { mlflow: "http://localhost:8000" },
      });
    });
  });

  it("counts a soak anew where every pod is", async () => {
    const prepare: typeof wholePipeline = (fake) => {
      wholePipeline(fake);
      environment(fake, "canary", "1.0.7", "7", new Date(Date.now() - 600_000).toISOString());
    };
    await withBoard(prepare, async ({ url }) => {
      const [, canary] = (await (await Events.open(`${url}/api/pipeline`)).view()).environments;
      expect(canary.soakLeftSeconds).toBeGreaterThan(2900);
      expect(canary.soakLeftSeconds).toBeLessThanOrEqual(3000);
    });
  });

  it("bars a version that failed in staging, with the reason", async () => {
    const failed = { "staging.verdict": "fail", "staging.digest": digest("9"), "staging.reason": "load: too slow" };
    const prepare: typeof wholePipeline = (fake) => {
      wholePipeline(fake);
      mlflowSays(fake, [version(9, failed), version(7)]);
    };
    await withBoard(prepare, async ({ url }) => {
      const { environments } = await (await Events.open(`${url}/api/pipeline`)).view();
      expect(environments.map(({ barrier, soakLeftSeconds }) => [barrier?.word ?? null, soakLeftSeconds])).toEqual([
        ["Turned away", null],
        ["Not tested", null],
        [null, null],
      ]);
    });
  });

  it("shows a freeze, data drift, a pod and a new environment as soon as they are there", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      const freeze = { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" };
      fake.put(paths.configMaps, { metadata: { name: "promotion-freeze" }, data: freeze } as never);
      expect((await events.view((view) => view.freeze !== null)).freeze).toEqual(freeze);
      const state = '{"version":"1.0.7","windows":[[1,120,"red",0.76,true]],"seen":1,"trained":0}';
      fake.put(paths.configMaps, { metadata: { name: "data-drift" }, data: { state } } as never);
      const sentence = "Data drift in production: 1 of 1 look over 0.35, the latest at 0.76 (red).";
      await events.view(({ dataDrift }) => dataDrift === sentence);
      fake.delete(paths.pods("staging"), "staging-1");
      await events.view(({ environments }) => environments[0].pods?.all === 0);
      environment(fake, "edge", "1.0.5", "5");
      await events.view((view) => versionOf("edge", view) === "1.0.5");
    });
  });

  it("keeps an environment whose Application is deleted, with what its pods serve", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      fake.delete(paths.applications, "gourmetgram-production");
      const { environments } = await events.view((view) => view.environments[2].health === "NoApplication");
      expect(environments.map(({ name, version }) => [name, version])).toEqual([
        ["staging", "1.0.9"],
        ["canary", "1.0.7"],
        ["production", "1.0.7"],
      ]);
    });
  });

  it("asks the API server for nothing but its watches, and MLflow once until a step has ended", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view(({ recordAt }) => recordAt !== null);
      fake.calls.length = 0;
      fake.delete(paths.pods("staging"), "staging-1");
      await events.view(({ environments }) => environments[0].pods?.all === 0);
      expect(fake.calls.map(({ line }) => line)).toEqual(
        ["staging", "canary", "production"].map(
          (name) => `GET /service/gourmetgram-${name}/gourmetgram-${name}:80/version`,
        ),
      );
    });
  });
});

/** What the record holds: two promotions, and these. */
const onRecord = (fake: Parameters<typeof wholePipeline>[0], ...actions: string[]) =>
  mlflowSays(
    fake,
    [version(9), version(7)],
    [
      ...actions
        .map((action, index) => record("production", "1.0.7", `2026-01-06T1${index}:00:00Z`, { action }))
        .reverse(),
      record("production", "1.0.7", "2026-01-04T11:00:00Z"),
      record("canary", "1.0.7", "2026-01-04T10:00:00Z"),
    ],
  );

describe("what a person does outside of the board", () => {
  const request = (name: string, responses: object[] = []) => ({
    metadata: { name, creationTimestamp: "2026-01-05T09:00:00Z" },
    spec: { target: "production", version: "1.0.7", expiresAt: "2126-01-05T10:00:00Z", responses },
  });
  const freeze = { metadata: { name: "promotion-freeze" }, data: { who: "anna", since: "2026-01-05", why: "exams" } };

  it.each([
    ["a freeze", paths.configMaps, freeze],
    [
      "a response",
      paths.approvals,
      request("promote-model-abc", [{ user: "ben", action: "approve", message: "fine" }]),
    ],
    ["a request", paths.approvals, request("promote-model-xyz")],
  ])("is asked for when it is seen, and again when it is on record: %s", async (_title, path, object) => {
    const prepare: typeof wholePipeline = (fake) => {
      wholePipeline(fake);
      fake.put(paths.approvals, request("promote-model-abc"));
    };
    await withBoard(prepare, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      const before = await events.view(({ recordAt }) => recordAt !== null);
      const actions = async () => (await ask(`${url}/api/history`)).body.records.map(({ action }: any) => action);
      expect(await actions()).toEqual(["promote", "promote"]);

      onRecord(fake, "ask");
      fake.put(path, object as never);
      await events.view((view) => decided(view) !== decided(before));
      expect(await actions()).toEqual(["ask", "promote", "promote"]);

      onRecord(fake, "ask", "approve");
      const { recordAt } = await events.view((view) => view.recordAt !== before.recordAt);
      expect(await actions()).toEqual(["approve", "ask", "promote", "promote"]);
      expect(recordAt! > before.recordAt!).toBe(true);
    });
  });
});

const decided = ({ freeze, approvals }: PipelineView) => JSON.stringify([freeze, approvals]);

describe("a watch", () => {
  it.each([
    ["that breaks off", undefined],
    ["whose version the API server no longer has", '{"type":"ERROR","object":{"code":410,"message":"too old"}}'],
    ["that says what is no JSON", "<html>"],
  ])("%s is opened anew, and misses nothing", async (_title, lastWords) => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      fake.breakWatches(paths.applications, lastWords);
      environment(fake, "edge", "1.0.5", "5");
      const view = await events.view((view) => versionOf("edge", view) === "1.0.5");
      expect(view.problems).toEqual([]);
    });
  });

  it("that is refused is named, and what was seen stays", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      fake.answers[`GET ${paths.applications}?limit=20`] = [403, { message: "applications is forbidden" }];
      fake.breakWatches(paths.applications);
      const refused = await events.view(({ problems }) => problems.length > 0);
      expect(refused.problems).toEqual([
        "The cluster does not tell of argocd/applications: applications is forbidden.",
      ]);
      expect(refused.environments).toHaveLength(3);
      delete fake.answers[`GET ${paths.applications}?limit=20`];
      await events.view(({ problems }) => problems.length === 0);
    });
  });
});

describe("a route that somebody deletes", () => {
  const percents = ({ environments }: PipelineView) => environments.map(({ percent }) => percent);
  const route = (weights: number[], status: string) => ({
    metadata: { name: "gourmetgram", annotations: {} },
    spec: { rules: [{ backendRefs: weights.map((weight) => ({ weight })) }] },
    status: { parents: [{ conditions: [{ type: "Accepted", status }] }] },
  });

  it("is said in the place of what users meet", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      fake.delete(paths.routes, "gourmetgram");
      const view = await events.view((view) => view.traffic !== "All users meet production.");
      expect(view.traffic).toBe(
        "Users reach nothing at the gateway: the route gourmetgram is gone. Run npm start -- --refresh.",
      );
      expect(percents(view)).toEqual([null, null, null]);
    });
  });

  it.each([
    ["changes", route([50, 50], "True"), "The route's weights were changed by hand: the next look puts them right."],
    [
      "writes as the gateway refuses it",
      route([1], "False"),
      "The gateway does not do what the route gourmetgram says: Accepted is False, no reason.",
    ],
  ])("or %s leads nobody knows how many users anywhere", async (_title, written, sentence) => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      fake.put(paths.routes, written);
      const view = await events.view((view) => view.traffic !== "All users meet production.");
      expect([view.traffic, percents(view)]).toEqual([
        `All users should meet production. ${sentence}`,
        [null, null, null],
      ]);
    });
  });
});

describe("an MLflow that does not answer", () => {
  const mlflowIsDown = (fake: Parameters<typeof wholePipeline>[0]) => {
    for (const line of Object.keys(fake.answers).filter((known) => known.includes("mlflow")))
      fake.answers[line] = [503, "no endpoints"];
  };

  it("is named, and the environments are shown all the same", async () => {
    const prepare: typeof wholePipeline = (fake) => {
      wholePipeline(fake);
      mlflowIsDown(fake);
    };
    await withBoard(prepare, async ({ url }) => {
      const view = await (await Events.open(`${url}/api/pipeline`)).view();
      expect(view.problems).toEqual([
        "MLflow answered with 503: see its log with kubectl logs --namespace gourmetgram-platform deployment/mlflow",
      ]);
      expect(line(view)[2]).toEqual(["production", "1.0.7", 100, null, null]);
    });
  });

  it("leaves what it said before", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const events = await Events.open(`${url}/api/pipeline`);
      await events.view();
      mlflowIsDown(fake);
      fake.delete(paths.workflows, "train-model-abc123");
      const view = await events.view(({ problems }) => problems.length > 0);
      expect(line(view)[2]).toEqual(["production", "1.0.7", 100, null, "2026-01-04T11:00:00.000Z"]);
    });
  });
});

describe("many pages", () => {
  it("see one picture that is made once", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      const pages = await Promise.all(Array.from({ length: 200 }, () => Events.open(`${url}/api/pipeline`)));
      await Promise.all(pages.map((page) => page.view()));
      fake.calls.length = 0;
      fake.delete(paths.pods("staging"), "staging-1");
      const views = await Promise.all(
        pages.map((page) => page.view(({ environments }) => environments[0].pods?.all === 0)),
      );
      expect(new Set(views.map((view) => JSON.stringify(view))).size).toBe(1);
      expect(fake.linesTo("staging:80/version")).toHaveLength(1);
      for (const page of pages) page.close();
    });
  });
});
