import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { render } from "../../cli/status";
import { readLive } from "../../client/live";
import { MlflowError } from "../../client/mlflow";
import { listModels, listNewestModels } from "../../client/models";
import { describeLost, readBriefStatus, readStatus, type Status } from "../../client/pipeline-status";
import type { Cluster } from "../../lib/kube-client";
import { table } from "../../lib/table";
import { type Answers, withApiServer } from "./api-server";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const mlflow = "GET /api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const model = "GourmetGramFood11Model";

const parametersPath = "/api/v1/namespaces/argo/configmaps/pipeline-parameters";
const inOrder = (...names: string[]): Answers => ({
  [`GET ${parametersPath}`]: {
    data: { environments: JSON.stringify(Object.fromEntries(names.map((name) => [name, "http://app"]))) },
  },
});
const freezePath = "/api/v1/namespaces/argo/configmaps/promotion-freeze";
const approvalsPath = "/apis/gourmetgram.io/v1/namespaces/argo/approvals";
const routePath = "/apis/gateway.networking.k8s.io/v1/namespaces/gourmetgram-gateway/httproutes/gourmetgram";
const noGateway: Answers = { [`GET ${routePath}`]: [404, "404 page not found"] };
const noFreezeOrGateway: Answers = {
  [`GET ${freezePath}`]: { metadata: {} },
  [`GET ${approvalsPath}`]: { items: [] },
  ...noGateway,
};
const aliasesOf = `${mlflow}/registered-models/search?filter=name='${model}'&max_results=1`;
const noModel: Answers = {
  [aliasesOf]: {},
};
const searchOf = (count: number, more = "", filter = "") =>
  `${mlflow}/model-versions/search?filter=name='${model}'${filter}` +
  `&max_results=${count}&order_by=version_number DESC${more}`;
const twoModels: Answers = {
  [aliasesOf]: {
    registered_models: [
      {
        name: model,
        aliases: [
          { alias: "staging", version: "9" },
          { alias: "development", version: "10" },
          { alias: "canary", version: "9" },
        ],
      },
    ],
  },
  [searchOf(1000)]: {
    model_versions: [
      {
        version: "9",
        tags: [
          { key: "gate.integration", value: '{"gate":"integration","verdict":"pass","reason":"","metrics":{}}' },
          { key: "gate.review", value: "looked at it" },
          { key: "gate.taste", value: '"good"' },
          { key: "staging.verdict", value: "pass" },
          { key: "image_digest", value: digest("2") },
        ],
      },
      {
        version: "10",
        tags: [
          { key: "retention.collected", value: "2026-01-05T00:00:00Z" },
          { key: "staging.verdict", value: "withdrawn" },
          { key: "staging.reason", value: "production: OOMKilled" },
          {
            key: "gate.integration",
            value: '{"gate":"integration","verdict":"fail","reason":"1000 classes","metrics":{}}',
          },
        ],
      },
    ],
  },
};

const application = (name: string, health?: string, project = "gourmetgram", lastRelease?: string) => ({
  metadata: { name, ...(lastRelease && { annotations: { "gourmetgram.io/last-release": lastRelease } }) },
  spec: { project, destination: { namespace: name } },
  status: { health: { status: health } },
});
const mlflowAway = [503, { kind: "Status", message: 'no endpoints available for service "mlflow"' }];
const awayText =
  'MLflow does not answer (503: no endpoints available for service "mlflow"): ' +
  "see its pod with kubectl --kubeconfig /state/kubeconfig " +
  "describe pods --namespace gourmetgram-platform --selector app=mlflow";
const noPods = { ready: 0, all: 0, restarts: 0, readySince: null };
const container = (name: string, ready: boolean, letter: string) => ({
  name,
  ready,
  imageID: `registry/gourmetgram-app@${digest(letter)}`,
  restartCount: 2,
});
const isReady = (lastTransitionTime: string) => ({ type: "Ready", status: "True", lastTransitionTime });
function environment(name: string, port: number, pods: object[], version: [number, object]): Answers {
  return {
    [`GET /api/v1/namespaces/${name}/pods?labelSelector=app=${name}`]: { items: pods },
    [`GET /api/v1/namespaces/${name}/services/${name}`]: { spec: { ports: [{ port }] } },
    [`GET /api/v1/namespaces/${name}/services/${name}:${port}/proxy/version`]: version,
  };
}

const state = mkdtempSync(join(tmpdir(), "status-"));
beforeEach(() => vi.stubEnv("GOURMETGRAM_STATE", state));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(state, { recursive: true }));

describe("readStatus", () => {
  it("is what each environment serves, in the order of promotion, and every model", async () => {
    writeFileSync(
      join(state, "urls.json"),
      JSON.stringify({ people: { staging: "http://localhost:8081", mlflow: "http://localhost:8000" }, machine: {} }),
    );
    const answers: Answers = {
      ...twoModels,
      ...inOrder("staging", "shadow", "production"),
      ...noGateway,
      [`GET ${approvalsPath}`]: { items: [] },
      [`GET ${freezePath}`]: { data: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" } },
      "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
        items: ["production", "shadow", "staging"].map((name) =>
          application(
            `gourmetgram-${name}`,
            name === "production" ? undefined : "Healthy",
            "gourmetgram",
            { staging: '{"version":"1.0.8","digest":"x","at":1}', shadow: "seven" }[name],
          ),
        ),
      },
      ...environment(
        "gourmetgram-staging",
        8081,
        [
          {
            metadata: { deletionTimestamp: "2026-01-05T10:00:00Z" },
            status: { conditions: [isReady("2026-01-04T00:00:00Z")], containerStatuses: [container("app", true, "0")] },
          },
          {
            metadata: {},
            status: {
              conditions: [
                { ...isReady("2026-01-05T08:00:00Z"), type: "PodScheduled" },
                isReady("2026-01-05T09:59:00Z"),
              ],
              containerStatuses: [container("sidecar", true, "1"), container("app", true, "2")],
            },
          },
        ],
        [200, { model_version: "1.0.9" }],
      ),
      ...environment("gourmetgram-shadow", 8083, [], [404, { error: "versions.txt not found" }]),
      ...environment(
        "gourmetgram-production",
        80,
        [
          {
            metadata: {},
            status: {
              conditions: [{ ...isReady("2026-01-05T02:00:00Z"), status: "False" }],
              containerStatuses: [container("app", false, "3")],
            },
          },
          { metadata: {}, status: {} },
        ],
        [404, { error: "versions.txt not found" }],
      ),
    };
    expect(await withApiServer(answers, readStatus)).toEqual({
      approvals: [],
      environments: [
        {
          name: "staging",
          version: "1.0.9",
          digest: digest("2"),
          lastRelease: "1.0.8",
          health: "Healthy",
          pods: { ready: 1, all: 1, restarts: 2, readySince: "2026-01-05T09:59:00Z" },
          url: "http://localhost:8081",
        },
        { name: "shadow", version: null, digest: null, lastRelease: null, health: "Healthy", pods: noPods, url: null },
        {
          name: "production",
          version: null,
          digest: null,
          lastRelease: null,
          health: "Unknown",
          pods: { ready: 0, all: 2, restarts: 2, readySince: null },
          url: null,
        },
      ],
      models: [
        {
          version: "1.0.10",
          aliases: ["development"],
          digest: null,
          verdicts: { integration: { verdict: "fail", reason: "1000 classes" } },
          collected: "2026-01-05T00:00:00Z",
          withdrawn: "production: OOMKilled",
        },
        {
          version: "1.0.9",
          aliases: ["canary", "staging"],
          digest: digest("2"),
          verdicts: { integration: { verdict: "pass", reason: "" } },
          collected: null,
          withdrawn: null,
        },
      ],
      urls: { staging: "http://localhost:8081", mlflow: "http://localhost:8000" },
      traffic: null,
      dataDrift: null,
      freeze: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" },
    });
  });

  it("leaves out an Application of another project, and asks nothing about it", async () => {
    rmSync(join(state, "urls.json"), { force: true });
    const answers: Answers = {
      ...noModel,
      ...noFreezeOrGateway,
      ...inOrder("canary"),
      "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
        items: [application("shop", "Healthy", "default"), application("gourmetgram-canary", "Missing")],
      },
      ...environment("gourmetgram-canary", 8080, [], [404, { error: "versions.txt not found" }]),
    };
    await withApiServer(answers, async (cluster, calls) => {
      expect((await readStatus(cluster)).environments).toEqual([
        { name: "canary", version: null, digest: null, lastRelease: null, health: "Missing", pods: noPods, url: null },
      ]);
      expect(calls.map(({ line }) => line).filter((line) => line.includes("shop"))).toEqual([]);
    });
  });

  describe("an environment on another cluster", () => {
    const images = (...letters: string[]) =>
      letters.map((letter) => `registry.kube-system:5000/gourmetgram-app@${digest(letter)}`);
    const canary = (health: string, seen?: string[]) => ({
      metadata: { name: "gourmetgram-canary" },
      spec: { project: "gourmetgram", destination: { namespace: "gourmetgram-canary", name: "edge" } },
      status: { health: { status: health }, ...(seen && { summary: { images: seen } }) },
    });
    const statusOf = async (application: object) => {
      const answers: Answers = {
        ...twoModels,
        ...noFreezeOrGateway,
        ...inOrder("canary"),
        "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": { items: [application] },
      };
      const { environments } = await withApiServer(answers, readStatus);
      return environments.map(({ version, digest, health }) => ({ version, digest, health }));
    };
    beforeEach(() => rmSync(join(state, "urls.json"), { force: true }));

    it("is read from Argo CD and the model of that digest, and not from a namespace of this cluster", async () => {
      expect(await statusOf(canary("Healthy", [...images("2"), "docker.io/library/other:1"]))).toEqual([
        { version: "1.0.9", digest: digest("2"), health: "Healthy" },
      ]);
    });

    it.each<[string, string[] | undefined, string | null]>([
      ["of a digest that no model has", images("7"), digest("7")],
      ["between two", images("2", "7"), null],
      ["that Argo CD has seen nothing of", undefined, null],
    ])("%s is unknown, and not without a model", async (_title, seen, found) => {
      expect(await statusOf(canary("Progressing", seen))).toEqual([
        { version: "unknown", digest: found, health: "Progressing" },
      ]);
    });
  });

  it("continues if an environment has no Service yet", async () => {
    rmSync(join(state, "urls.json"), { force: true });
    const answers: Answers = {
      ...noModel,
      ...noFreezeOrGateway,
      ...inOrder("canary"),
      "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
        items: [application("gourmetgram-canary", "Missing")],
      },
      "GET /api/v1/namespaces/gourmetgram-canary/pods?labelSelector=app=gourmetgram-canary": { items: [] },
      "GET /api/v1/namespaces/gourmetgram-canary/services/gourmetgram-canary": [404, { message: "not found" }],
    };
    expect(await withApiServer(answers, readStatus)).toEqual({
      environments: [
        { name: "canary", version: null, digest: null, lastRelease: null, health: "Missing", pods: noPods, url: null },
      ],
      models: [],
      urls: {},
      freeze: null,
      approvals: [],
      traffic: null,
      dataDrift: null,
    });
  });
});

describe("the pipeline's parameters", () => {
  it.each<[string, (cluster: Cluster) => Promise<unknown>]>([
    ["readStatus", readStatus],
    ["readBriefStatus", readBriefStatus],
    ["readLive", readLive],
  ])("are read once by %s, whatever it takes from them", async (_name, read) => {
    const data = {
      environments: "{}",
      "data-drift": '{"environment":"staging","bar":0.35}',
    };
    const answers: Answers = {
      [`GET ${parametersPath}`]: { data },
      "GET /api/v1/namespaces/argo/configmaps/data-drift": {},
      "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": { items: [] },
      "GET /apis/argoproj.io/v1alpha1/namespaces/argo/workflows": { items: [] },
      ...noFreezeOrGateway,
      ...noModel,
    };
    await withApiServer(answers, async (cluster, calls) => {
      await read(cluster);
      expect(calls.filter(({ line }) => line === `GET ${parametersPath}`)).toHaveLength(1);
    });
  });
});

describe("while MLflow is away", () => {
  const running: Answers = {
    [aliasesOf]: mlflowAway,
    ...noFreezeOrGateway,
    ...inOrder("staging"),
    "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
      items: [application("gourmetgram-staging", "Healthy", "gourmetgram", '{"version":"1.0.9"}')],
    },
    ...environment("gourmetgram-staging", 8081, [], [200, { model_version: "1.0.9" }]),
  };

  it.each([
    ["all models", readStatus],
    ["the newest models", readBriefStatus],
  ])("shows what runs, and that nothing is known of %s", async (_what, read) => {
    const status = await withApiServer(running, (cluster) => read(cluster));
    expect(status).toMatchObject({
      environments: [{ name: "staging", version: "1.0.9", health: "Healthy" }],
      models: [],
      mlflowProblem: awayText,
    });
    expect(render(status)).toMatch(/^staging +1\.0\.9 +Healthy/m);
    expect(render(status)).toContain(`\n\nNothing is known of the models. ${awayText}`);
    expect(render({ ...status, environments: status.environments.flatMap((one) => [one, one]) })).not.toContain(
      "no longer has",
    );
  });
});

describe("listModels", () => {
  it("names MLflow's own host, which it checks", async () => {
    await withApiServer(noModel, async (cluster, calls) => {
      expect(await listModels(cluster)).toEqual([]);
      expect(calls[0].headers.host).toBe("mlflow.gourmetgram-platform.svc.cluster.local:8000");
    });
  });

  it("says that the API server does not reach MLflow, and where to look", async () => {
    await withApiServer({ [aliasesOf]: mlflowAway }, async (cluster) => {
      await expect(listModels(cluster)).rejects.toThrow(new MlflowError(awayText));
    });
  });

  it("says that MLflow doesn't answer, and where to look", async () => {
    await withApiServer({ [aliasesOf]: [503, "no endpoints"] }, async (cluster) => {
      await expect(listModels(cluster)).rejects.toThrow(
        new MlflowError(
          "MLflow answered with 503: " +
            "see its log with kubectl --kubeconfig /state/kubeconfig " +
            "logs --namespace gourmetgram-platform deployment/mlflow",
        ),
      );
    });
  });
});

describe("a registry of 1,100 versions", () => {
  const version = (number: number, tags: object[] = []) => ({ version: String(number), tags });
  const range = (from: number, to: number) =>
    Array.from({ length: from - to + 1 }, (_, index) => version(from - index));
  const get = (number: number) => `${mlflow}/model-versions/get?name=${model}&version=${number}`;
  const aliased: Answers = {
    [aliasesOf]: {
      registered_models: [
        {
          aliases: [
            { alias: "staging", version: "1095" },
            { alias: "production", version: "40" },
          ],
        },
      ],
    },
  };
  const brief: Answers = {
    ...aliased,
    [searchOf(21)]: { model_versions: range(1100, 1080), next_page_token: "t" },
    [get(40)]: { model_version: version(40) },
  };

  it("is read page by page for programs", async () => {
    const answers: Answers = {
      ...aliased,
      [searchOf(1000)]: { model_versions: range(1100, 101), next_page_token: "t" },
      [searchOf(1000, "&page_token=t")]: { model_versions: range(100, 1) },
    };
    const models = await withApiServer(answers, listModels);
    expect(models).toHaveLength(1100);
    expect([models[0].version, models.at(-1)!.version]).toEqual(["1.0.1100", "1.0.1"]);
  });

  it("is shown to a person by what runs and has an alias, then by the newest 20", async () => {
    rmSync(join(state, "urls.json"), { force: true });
    const remote = {
      metadata: { name: "gourmetgram-edge" },
      spec: { project: "gourmetgram", destination: { namespace: "gourmetgram-edge", name: "edge" } },
      status: { health: { status: "Healthy" }, summary: { images: [`registry/gourmetgram-app@${digest("9")}`] } },
    };
    const answers: Answers = {
      ...brief,
      ...noFreezeOrGateway,
      ...inOrder("staging", "canary", "edge"),
      "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
        items: [application("gourmetgram-staging", "Healthy"), application("gourmetgram-canary", "Healthy"), remote],
      },
      ...environment("gourmetgram-staging", 80, [], [200, { model_version: "1.0.1095" }]),
      ...environment("gourmetgram-canary", 80, [], [200, { model_version: "1.0.7" }]),
      [get(7)]: { model_version: version(7) },
      [searchOf(1, "", ` and tags.image_digest='${digest("9")}'`)]: {
        model_versions: [version(9, [{ key: "image_digest", value: digest("9") }])],
      },
    };
    await withApiServer(answers, async (cluster, calls) => {
      const status = await readBriefStatus(cluster);
      const lines = render(status).split("\n");
      expect(lines.slice(0, 4)).toEqual([
        "ENVIRONMENT  VERSION   HEALTH   DIGEST               URL",
        "staging      1.0.1095  Healthy  -                    -",
        "canary       1.0.7     Healthy  -                    -",
        "edge         1.0.9     Healthy  sha256:999999999999  -",
      ]);
      const end = lines.indexOf("", 6);
      const models = lines.slice(6, end - 1).map((line) => line.split(" ")[0]);
      const inUse = [1095, 40, 9, 7];
      const newest = range(1100, 1081).map(({ version: number }) => Number(number));
      const rest = newest.filter((number) => !inUse.includes(number));
      expect(models).toEqual([...inUse, ...rest].map((number) => `1.0.${number}`));
      expect(lines[end - 1]).toBe("and up to 1077 older: npm run status -- --all");
      const asked = calls.filter(({ line }) => line.includes("model-versions"));
      expect(asked).toHaveLength(4);
    });
  });

  it("has none left out where all fit", async () => {
    const answers: Answers = { ...aliased, [searchOf(21)]: { model_versions: range(20, 1) } };
    const few = {
      ...answers,
      [get(1095)]: [404, { error_code: "RESOURCE_DOES_NOT_EXIST" }],
      [get(40)]: { model_version: version(40) },
    };
    const { models, older } = await withApiServer(few, (cluster) => listNewestModels(cluster, 20));
    expect([models.length, older]).toEqual([21, 0]);
  });
});

describe("an environment without an Application", () => {
  const answersOf = (lost: Answers): Answers => ({
    ...twoModels,
    ...inOrder("staging", "production"),
    ...noGateway,
    [`GET ${approvalsPath}`]: { items: [] },
    [`GET ${freezePath}`]: { data: {} },
    "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
      items: [application("gourmetgram-staging", "Healthy")],
    },
    ...environment("gourmetgram-staging", 8081, [], [404, {}]),
    ...lost,
  });
  const running = [{ metadata: {}, status: { containerStatuses: [container("app", true, "3")] } }];
  const productionOf = async (lost: Answers) => {
    const { environments } = await withApiServer(answersOf(lost), readStatus);
    expect(environments.map(({ name }) => name)).toEqual(["staging", "production"]);
    return environments[1];
  };

  it("is listed with what its pods still serve", async () => {
    const found = await productionOf(
      environment("gourmetgram-production", 80, running, [200, { model_version: "1.0.9" }]),
    );
    expect(found).toMatchObject({
      version: "1.0.9",
      digest: digest("3"),
      health: "NoApplication",
      pods: { ready: 1, all: 1, restarts: 2 },
      lastRelease: null,
    });
    expect(describeLost([found])).toEqual([
      "production has no Application in Argo CD. It goes on serving, but nobody can release to it: " +
        "run npm start of its stack, which makes it with the release that runs there.",
    ]);
  });

  it.each<[string, Answers]>([
    ["has no pods here", environment("gourmetgram-production", 80, [], [404, {}])],
    [
      "may not be read",
      {
        "GET /api/v1/namespaces/gourmetgram-production/pods?labelSelector=app=gourmetgram-production": [
          403,
          { message: "pods is forbidden" },
        ],
      },
    ],
  ])("is listed where it %s", async (_title, answers) => {
    const found = await productionOf(answers);
    expect(found).toMatchObject({ version: null, digest: null, health: "NoApplication", pods: null });
    expect(describeLost([found])).toEqual([
      expect.stringMatching(/^production has no Application in Argo CD\. Nobody can release to it: run npm start /),
    ]);
  });
});

describe("render", () => {
  const empty: Status = {
    environments: [
      { name: "staging", version: null, digest: null, lastRelease: null, health: "Progressing", pods: null, url: null },
    ],
    models: [],
    urls: {},
    freeze: null,
    approvals: [],
    traffic: null,
    dataDrift: null,
  };

  const environmentOf = (name: string, lastRelease: string | null) => ({ ...empty.environments[0], name, lastRelease });
  const modelOf = (version: string, ...aliases: string[]) => ({
    version,
    aliases,
    digest: null,
    verdicts: {},
    collected: null,
    withdrawn: null,
  });

  it.each([
    ["an alias that was moved", "1.0.6", [modelOf("1.0.9", "canary"), modelOf("1.0.6")], "is on 1.0.9"],
    ["an alias that was deleted", "1.0.6", [modelOf("1.0.6")], "is on no version"],
  ])("names %s", (_title, lastRelease, models, is) =>
    expect(
      render({ ...empty, environments: [...empty.environments, environmentOf("canary", lastRelease)], models }),
    ).toContain(`The alias canary ${is}, but canary serves 1.0.6: it is put right within ten minutes.`),
  );

  it("names an alias of staging that was moved, unless a candidate comes or goes", () => {
    const shown = (version: string) => {
      const environments = [{ ...environmentOf("staging", "1.0.6"), version }];
      return render({ ...empty, environments, models: [modelOf("1.0.9", "staging"), modelOf("1.0.6")] });
    };
    expect(shown("1.0.6")).toContain(
      "The alias staging is on 1.0.9, but staging serves 1.0.6: it is put right within ten minutes.",
    );
    expect(shown("1.0.9")).not.toContain("The alias staging");
  });

  it("names an alias of an environment without a model", () =>
    expect(
      render({
        ...empty,
        environments: [...empty.environments, environmentOf("canary", "base")],
        models: [modelOf("1.0.9", "canary")],
      }),
    ).toContain("The alias canary is on 1.0.9, but canary serves no model: it is put right within ten minutes."));

  it("names a version that MLflow lost", () =>
    expect(
      render({ ...empty, environments: [...empty.environments, environmentOf("canary", "1.0.6")], models: [] }),
    ).toContain("MLflow no longer has 1.0.6, which canary serves. It goes on serving it."));

  it("names a version that MLflow lost once, with every environment that serves it", () => {
    const served = [environmentOf("canary", "1.0.6"), environmentOf("production", "1.0.6")];
    const text = render({ ...empty, environments: [...empty.environments, ...served], models: [] });
    expect(text).toContain("MLflow no longer has 1.0.6, which canary and production serve. They go on serving it.");
    expect(text.match(/MLflow no longer has/g)).toHaveLength(1);
  });

  it("names a version that MLflow lost and staging serves, but no candidate: that is reverted", () => {
    const serving = (version: string) =>
      render({ ...empty, environments: [{ ...environmentOf("staging", "1.0.6"), version }], models: [] });
    expect(serving("1.0.6")).toContain("MLflow no longer has 1.0.6, which staging serves. It goes on serving it.");
    expect(serving("1.0.7")).not.toContain("no longer has");
  });

  it("names an environment that runs a model by a release of which nothing is known", () => {
    const running = (version: string | null, more = {}) =>
      ["staging", "canary"].map((name) => ({ ...environmentOf(name, null), version, ...more }));
    const unknown = (name: string, next: string) =>
      `${name} runs 1.0.6, and its Application does not say by which release. ` +
      `If that is not put right within ten minutes, ${next}.`;
    const text = render({ ...empty, environments: running("1.0.6"), models: [modelOf("1.0.6")] });
    expect(text).toContain(unknown("staging", "train a model"));
    expect(text).toContain(unknown("canary", "promote a version to it"));
    const silent = [running(null), running("unknown"), running("1.0.6", { lastRelease: "1.0.6" })];
    for (const environments of [...silent, running("1.0.6", { health: "NoApplication" })])
      expect(render({ ...empty, environments, models: [modelOf("1.0.6")] })).not.toContain("by which release");
  });

  it.each([
    ["follows", "canary", "1.0.6"],
    ["is on a candidate of staging", "staging", "1.0.5"],
  ])("is silent about an alias that %s", (_title, name, lastRelease) => {
    const environments = name === "staging" ? [environmentOf(name, lastRelease)] : [...empty.environments];
    if (name !== "staging") environments.push(environmentOf(name, lastRelease));
    expect(render({ ...empty, environments, models: [modelOf("1.0.6", name)] })).not.toMatch(/The alias|MLflow/);
  });

  it("says what to do where an environment has no Application", () => {
    const lost = { ...environmentOf("canary", null), health: "NoApplication" };
    const text = render({ ...empty, environments: [...empty.environments, lost] });
    expect(text).toContain("canary       no model  NoApplication  -       -\n\ncanary has no Application in Argo CD.");
    expect(text).not.toContain("staging has");
  });

  it("shows environments, models and pages", () => {
    const status: Status = {
      environments: [
        {
          name: "staging",
          version: "1.0.9",
          digest: digest("2"),
          lastRelease: "1.0.9",
          health: "Healthy",
          pods: null,
          url: "http://localhost:8081",
        },
        {
          name: "canary",
          version: "unknown",
          digest: null,
          lastRelease: null,
          health: "Progressing",
          pods: null,
          url: null,
        },
        {
          name: "production",
          version: null,
          digest: null,
          lastRelease: null,
          health: "Unknown",
          pods: null,
          url: null,
        },
      ],
      models: [
        {
          version: "1.0.10",
          aliases: [],
          digest: null,
          verdicts: { integration: { verdict: "fail", reason: "no" }, load: { verdict: "skipped", reason: "" } },
          collected: "2026-01-05T00:00:00Z",
          withdrawn: "production: OOMKilled",
        },
        {
          version: "1.0.9",
          aliases: ["canary", "staging"],
          digest: digest("2"),
          verdicts: {},
          collected: null,
          withdrawn: null,
        },
      ],
      urls: { staging: "http://localhost:8081", mlflow: "http://localhost:8000" },
      freeze: null,
      approvals: [],
      traffic: null,
      dataDrift: null,
    };
    expect(render(status)).toBe(
      [
        "ENVIRONMENT  VERSION   HEALTH       DIGEST               URL",
        "staging      1.0.9     Healthy      sha256:222222222222  http://localhost:8081",
        "canary       unknown   Progressing  -                    -",
        "production   no model  Unknown      -                    -",
        "",
        "MODEL   ALIASES          GATES",
        "1.0.9   canary, staging  -",
        "1.0.10  -                integration fail, load skipped, withdrawn, collected 2026-01-05T00:00:00Z",
        "",
        "PAGE    URL",
        "MLflow  http://localhost:8000",
      ].join("\n"),
    );
  });

  it("says first that promotions are frozen", () => {
    const [first] = render({ ...empty, freeze: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" } }).split(
      "\n",
    );
    expect(first).toBe("Promotions are frozen by anna since 2026-01-05T10:00:00Z: exams");
  });

  it("says what the looks at people's pictures found", () => {
    const looks = [{ feature: "red", distance: 0.76, isOver: true }];
    expect(render({ ...empty, dataDrift: { environment: "production", bar: 0.35, looks, trained: 0 } })).toContain(
      "\n\nData drift in production: 1 of 1 look over 0.35, the latest at 0.76 (red).\n\n",
    );
  });

  it("says what to do where there is no model", () => {
    expect(render(empty)).toBe(
      "ENVIRONMENT  VERSION   HEALTH       DIGEST  URL\nstaging      no model  Progressing  -       -\n\n" +
        "No model yet. To train one, run npm run train -- normal",
    );
  });
});

describe("table", () => {
  it("is as wide as its widest cells, without blanks at the end", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["wide cell", "x"],
          ["", ""],
        ],
      ),
    ).toBe("A          LONG\nwide cell  x\n");
  });

  it("is its head where there are no rows", () => expect(table(["A", "B"], [])).toBe("A  B"));
});
