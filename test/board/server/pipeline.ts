import { workflow } from "../../cli/workflows";
import type { FakeCluster } from "./fake-cluster";

export const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
export const paths = {
  configMaps: "/api/v1/namespaces/argo/configmaps",
  applications: "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications",
  approvals: "/apis/gourmetgram.io/v1/namespaces/argo/approvals",
  workflows: "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows",
  routes: "/apis/gateway.networking.k8s.io/v1/namespaces/gourmetgram-gateway/httproutes",
  pods: (name: string) => `/api/v1/namespaces/gourmetgram-${name}/pods?labelSelector=app=gourmetgram-${name}`,
  services: (name: string) => `/api/v1/namespaces/gourmetgram-${name}/services`,
};
const mlflow = "/service/gourmetgram-platform/mlflow:8000/api/2.0/mlflow";
const model = "GourmetGramFood11Model";

const tags = (values: Record<string, string>) => Object.entries(values).map(([key, value]) => ({ key, value }));
const at = (text: string) => Date.parse(text);

/** A record of the releases as MLflow has it. */
export const record = (environment: string, version: string, end: string, more: Record<string, string> = {}) => ({
  info: { run_id: `${environment}-${version}`, start_time: at(end) - 60_000, end_time: at(end) },
  data: {
    tags: tags({
      action: "promote",
      environment,
      app_version: version,
      outcome: "promoted",
      requested_by: "anna",
      serves_version: version,
      serves_digest: digest("7"),
      ...more,
    }),
  },
});

export const version = (number: number, values: Record<string, string> = {}) => ({
  version: String(number),
  creation_timestamp: at("2026-01-05T10:00:00Z"),
  run_id: "a".repeat(32),
  tags: tags(values),
});

/** MLflow's answers: its versions, newest first, and its records. */
export function mlflowSays(fake: FakeCluster, versions: ReturnType<typeof version>[], records: object[] = []): void {
  const page = (found: object[]) => ({ model_versions: found });
  const search = (count: number, filter = "") =>
    `GET ${mlflow}/model-versions/search?filter=name='${model}'${filter}` +
    `&max_results=${count}&order_by=version_number DESC`;
  fake.answers[`GET ${mlflow}/registered-models/search?filter=name='${model}'&max_results=1`] = {
    registered_models: [{ aliases: [{ alias: "production", version: "7" }] }],
  };
  for (const count of [21, 101, 1000]) fake.answers[search(count)] = page(versions);
  for (const found of versions)
    fake.answers[`GET ${mlflow}/model-versions/get?name=${model}&version=${found.version}`] = { model_version: found };
  for (const name of ["gourmetgram-releases", "gourmetgram-train"])
    fake.answers[`GET ${mlflow}/experiments/get-by-name?experiment_name=${name}`] = {
      experiment: { experiment_id: name },
    };
  fake.answers[`POST ${mlflow}/runs/search`] = (
    { body }: { body: { experiment_ids: string[]; filter?: string } },
    response: { writeHead(status: number): { end(text: string): void } },
  ) => {
    const wanted = [...(body.filter ?? "").matchAll(/tags\.(\w+) = '([^']*)'/g)];
    const isOf = (run: any) =>
      wanted.every(([, key, value]) => run.data.tags.some((tag: any) => tag.key === key && tag.value === value));
    const runs = body.experiment_ids[0] === "gourmetgram-train" ? [training] : records.filter(isOf);
    response.writeHead(200).end(JSON.stringify({ runs }));
  };
}

const training = {
  info: { run_id: "a".repeat(32), start_time: 0 },
  data: {
    tags: tags({ data_sha256: "d".repeat(64), scenario: "normal" }),
    metrics: [
      { key: "accuracy", value: 0.96 },
      { key: "accuracy.class.Bread", value: 0.9 },
      { key: "accuracy.slice.dark", value: 0.8 },
      { key: "production_accuracy", value: 0.95 },
      { key: "production_accuracy.class.Bread", value: 0.91 },
    ],
  },
};

/** Writes an environment that runs a version with one pod, ready since a time, and answers with it. */
export function environment(
  fake: FakeCluster,
  name: string,
  served: string,
  letter: string,
  readySince = "2026-01-01T00:00:00Z",
): void {
  const namespace = `gourmetgram-${name}`;
  fake.put(paths.applications, {
    metadata: { name: namespace },
    spec: { project: "gourmetgram", destination: { namespace } },
    status: { health: { status: "Healthy" } },
  } as never);
  const container = {
    name: "app",
    ready: true,
    restartCount: 1,
    imageID: `registry/gourmetgram-app@${digest(letter)}`,
  };
  fake.put(paths.pods(name), {
    metadata: { name: `${name}-1` },
    status: {
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: readySince }],
      containerStatuses: [container],
    },
  } as never);
  fake.put(paths.services(name), { metadata: { name: namespace }, spec: { ports: [{ port: 80 }] } } as never);
  fake.answers[`GET /service/${namespace}/${namespace}:80/version`] = { model_version: served };
}

/** A pipeline of three environments: 1.0.9 in staging, 1.0.7 in canary and in production, and a training that runs. */
export function wholePipeline(fake: FakeCluster): void {
  const urls = { staging: "http://s", canary: "http://c", production: "http://p" };
  fake.put(
    paths.configMaps,
    {
      metadata: { name: "pipeline-parameters" },
      data: {
        ...{ environments: JSON.stringify(urls), traffic: "{}", "minimum-soak-minutes": "60" },
        "data-drift": '{"environment":"production","bar":0.35}',
      },
    } as never,
    { metadata: { name: "promotion-freeze" } },
    { metadata: { name: "data-drift" } },
  );
  fake.put(paths.approvals);
  const spec = { rules: [{ backendRefs: [{ weight: 1 }] }] };
  const routeStatus = { parents: [{ conditions: [{ type: "Accepted", status: "True" }] }] };
  fake.put(paths.routes, { metadata: { name: "gourmetgram", annotations: {} }, spec, status: routeStatus } as never);
  environment(fake, "staging", "1.0.9", "9");
  environment(fake, "canary", "1.0.7", "7");
  environment(fake, "production", "1.0.7", "7");
  const training = workflow("train-model", { from: 0, steps: [{ name: "train", from: 1 }] });
  fake.put(paths.workflows, training as never);
  mlflowSays(
    fake,
    [
      version(9, { "staging.verdict": "pass", "staging.digest": digest("9"), image_digest: digest("9") }),
      version(7, {
        "staging.verdict": "pass",
        "staging.digest": digest("7"),
        "canary.promoted_at": "2020-01-01T00:00:00Z",
      }),
    ],
    [record("canary", "1.0.7", "2026-01-04T10:00:00Z"), record("production", "1.0.7", "2026-01-04T11:00:00Z")],
  );
}
