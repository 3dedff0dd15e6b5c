import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { Board } from "../board/server/board";
import { InCluster } from "../board/server/in-cluster";
import { parametersPath } from "../client/environments";
import { freezePath } from "../client/freeze";
import { workflowsPath } from "../client/workflows";
import { mlflowNamespace } from "../components/shared/mlflow-address";
import {
  applicationsPath,
  approvalsPath,
  environmentApp,
  releasesExperiment,
} from "../components/shared/workflow-names";

/** As large as the board is made for. */
export const largePipeline = { environments: 30, versions: 1_000, releases: 1_000 };

const names = Array.from({ length: largePipeline.environments }, (_, index) => `region-${index}`);
const now = Date.now();
const minute = 60_000;
const digest = (number: number) => `sha256:${String(number).padStart(64, "0")}`;
const runId = (number: number) => String(number).padStart(32, "0");
const tags = (values: Record<string, string>) => Object.entries(values).map(([key, value]) => ({ key, value }));
const report = (gate: string) =>
  JSON.stringify({ gate, verdict: "pass", reason: "100 % (bar: over 95 %)", metrics: { p95Ms: 139, restarts: 0 } });

/** MLflow's versions, newest first. */
const versions = Array.from({ length: largePipeline.versions }, (_, index) => largePipeline.versions - index).map(
  (number) => ({
    version: String(number),
    creation_timestamp: now - (largePipeline.versions - number) * 60 * minute,
    run_id: runId(number),
    tags: tags({
      scenario: "normal",
      image_digest: digest(number),
      "staging.verdict": "pass",
      "staging.digest": digest(number),
      ...Object.fromEntries(["integration", "resource", "load"].map((gate) => [`gate.${gate}`, report(gate)])),
    }),
  }),
);

const releases = Array.from({ length: largePipeline.releases }, (_, index) => {
  const version = largePipeline.versions - index;
  const end = now - index * 20 * minute;
  const served = { serves_version: `1.0.${version}`, serves_digest: digest(version) };
  const environment = names[index % names.length];
  const what = { action: "promote", environment, app_version: `1.0.${version}`, outcome: "promoted" };
  return {
    info: { run_id: runId(index), start_time: end - minute, end_time: end },
    data: { tags: tags({ ...what, requested_by: "anna", ...served }) },
  };
});

const classes = ["Bread", "Dairy product", "Dessert", "Egg", "Fried food", "Meat", "Rice", "Seafood", "Soup"];
const training = (id: string) => ({
  info: { run_id: id, start_time: now },
  data: {
    tags: tags({ data_sha256: id.repeat(2) }),
    metrics: ["accuracy", "production_accuracy"].flatMap((key) => [
      { key, value: 0.95 },
      ...classes.map((name) => ({ key: `${key}.class.${name}`, value: 0.9 })),
    ]),
  },
});

function runsOf({ experiment_ids: [experiment], filter = "", max_results }: Record<string, any>): object[] {
  if (experiment !== releasesExperiment) return [...filter.matchAll(/[0-9a-f]{32}/g)].map(([id]) => training(id));
  const wanted = [...filter.matchAll(/tags\.(\w+) = '([^']*)'/g)];
  const before = Number(/start_time < (\d+)/.exec(filter)?.[1] ?? Number.POSITIVE_INFINITY);
  const isWanted = ({ info, data }: (typeof releases)[number]) =>
    info.start_time < before &&
    wanted.every(([, key, value]) => data.tags.some((tag) => tag.key === key && tag.value === value));
  return releases.filter(isWanted).slice(0, max_results);
}

/** What MLflow answers; undefined for what it does not know. */
function mlflowSays(path: string, query: URLSearchParams, body: Record<string, any>): object | undefined {
  const before = Number(/version_number < (\d+)/.exec(query.get("filter") ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  switch (path) {
    case "registered-models/search":
      return { registered_models: [{ aliases: [{ alias: "production", version: "1" }] }] };
    case "model-versions/search": {
      const found = versions.filter(({ version }) => Number(version) < before);
      return { model_versions: found.slice(0, Number(query.get("max_results"))) };
    }
    case "model-versions/get":
      return { model_version: versions.find(({ version }) => version === query.get("version")) };
    case "experiments/get-by-name":
      return { experiment: { experiment_id: query.get("experiment_name") } };
    case "runs/search":
      return { runs: runsOf(body) };
  }
  return undefined;
}

const numberOf = (name: string) => largePipeline.versions - names.indexOf(name);

/** The lists of the Kubernetes API, by their path. */
const lists = new Map<string, object[]>([
  [listPath(parametersPath), [{ metadata: { name: "pipeline-parameters" }, data: parameters() }]],
  [applicationsPath, names.map(application)],
  [workflowsPath, []],
  [approvalsPath, []],
  ...names.flatMap((name): [string, object[]][] => {
    const app = environmentApp(name);
    return [
      [`/api/v1/namespaces/${app}/pods`, [pod(name)]],
      [`/api/v1/namespaces/${app}/services`, [{ metadata: { name: app }, spec: { ports: [{ port: 80 }] } }]],
    ];
  }),
]);

function listPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function parameters(): Record<string, string> {
  const urls = Object.fromEntries(names.map((name) => [name, `http://${name}`]));
  return { environments: JSON.stringify(urls), traffic: "", "minimum-soak-minutes": "0" };
}

function application(name: string): object {
  const namespace = environmentApp(name);
  const spec = { project: "gourmetgram", destination: { namespace } };
  return { metadata: { name: namespace }, spec, status: { health: { status: "Healthy" } } };
}

function pod(name: string): object {
  const imageID = `registry/gourmetgram-app@${digest(numberOf(name))}`;
  const status = { containerStatuses: [{ name: "app", ready: true, restartCount: 0, imageID }] };
  return { metadata: { name: `${name}-1` }, status };
}

function answerOf(url: URL, body: Record<string, any>): object | undefined {
  const [, area, namespace, service, ...rest] = url.pathname.split("/");
  if (area !== "service") return listOf(url);
  if (namespace === mlflowNamespace) return mlflowSays(rest.slice(3).join("/"), url.searchParams, body);
  return { model_version: `1.0.${numberOf(service.replace("gourmetgram-", ""))}` };
}

function listOf({ pathname, searchParams }: URL): object | undefined {
  const name = /^metadata\.name=(.*)$/.exec(searchParams.get("fieldSelector") ?? "")?.[1];
  // A list with the one object of a freeze that nobody has set.
  if (name === freezePath.split("/").at(-1))
    return { metadata: { resourceVersion: "1" }, items: [{ metadata: { name } }] };
  const items = lists.get(pathname);
  return items && { metadata: { resourceVersion: "1" }, items };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url!, "http://localhost");
  // Nothing changes here, so a watch stays open and says nothing.
  if (url.searchParams.has("watch")) return response.writeHead(200).flushHeaders();
  const found = answerOf(url, JSON.parse(Buffer.concat(chunks).toString() || "{}"));
  response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? { message: "not found" }));
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * The board's real server over a cluster and an MLflow that are played, with a large pipeline.
 * @param page folder of the built page
 * @param use gets the board's address
 */
export async function withLargePipeline<T>(page: string, use: (address: string) => Promise<T>): Promise<T> {
  const cluster = createServer((request, response) => void answer(request, response));
  const url = await listen(cluster);
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: "c", server: url, skipTLSVerify: true }],
    users: [{ name: "u" }],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x",
  });
  const inCluster = new InCluster(
    async () => config,
    (namespace, service) => `${url}/service/${namespace}/${service}`,
  );
  const board = new Board({ cluster: inCluster, links: {}, hosts: [], oidc: null, page });
  try {
    return await use(await listen(board.server));
  } finally {
    board.stop();
    board.server.closeAllConnections();
    cluster.closeAllConnections();
    cluster.close();
  }
}
