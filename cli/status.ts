import { parseArgs } from "node:util";
import { applicationsPath, environmentOf } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { table } from "../lib/table";
import { knownUrls } from "../local/urls";
import { connect } from "../stacks/stack-cluster";
import { readEnvironments } from "./environments";
import { type Freeze, readFreeze } from "./freeze";
import { listModels, type Model } from "./models";

export interface EnvironmentStatus {
  readonly name: string;
  /**
   * `1.0.X`, or null while the base image runs or nothing answers. On a remote cluster, `unknown` if no model has the
   * digest.
   */
  readonly version: string | null;
  /** Digest of the image that runs, or null. On a remote cluster, the digest if Argo CD sees exactly one. */
  readonly digest: string | null;
  /** As Argo CD reports it: `Healthy`, `Progressing`, `Degraded`, `Missing` or `Unknown`. */
  readonly health: string;
  readonly url: string | null;
}

export interface Status {
  /** The freeze that stops all promotions, or null. */
  readonly freeze: Freeze | null;
  readonly environments: EnvironmentStatus[];
  readonly models: Model[];
  readonly urls: Record<string, string>;
}

interface Application {
  metadata: { name: string };
  /** A destination with a name is a remote cluster. */
  spec: { project: string; destination: { namespace: string; name?: string } };
  status?: { health?: { status?: string }; summary?: { images?: string[] } };
}
interface Pod {
  metadata: { deletionTimestamp?: string };
  status: { containerStatuses?: { name: string; ready: boolean; imageID: string }[] };
}
interface Service {
  spec: { ports: { port: number }[] };
}

/** What every environment serves, and the verdicts of every model. */
export async function readStatus(cluster: Cluster): Promise<Status> {
  const { items } = await cluster.api<{ items: Application[] }>(applicationsPath);
  const urls = knownUrls();
  const models = await listModels(cluster);
  const environments = await Promise.all(
    items
      .filter(({ spec }) => spec.project === "gourmetgram")
      .map((application) => environmentStatus(cluster, application, models, urls)),
  );
  const order = await readEnvironments(cluster);
  return {
    environments: environments.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
    models,
    urls,
    freeze: (await readFreeze(cluster)) ?? null,
  };
}

async function environmentStatus(
  cluster: Cluster,
  { spec, status }: Application,
  models: Model[],
  urls: Record<string, string>,
): Promise<EnvironmentStatus> {
  const { namespace, name: remoteCluster } = spec.destination;
  const name = environmentOf(namespace);
  const served = remoteCluster
    ? servedOnRemoteCluster(status?.summary?.images ?? [], models)
    : await servedOnThisCluster(cluster, namespace);
  return { name, ...served, health: status?.health?.status ?? "Unknown", url: urls[name] ?? null };
}

type Served = Pick<EnvironmentStatus, "version" | "digest">;

/** What Argo CD sees on a remote cluster, which these commands can't read. */
function servedOnRemoteCluster(images: string[], models: Model[]): Served {
  const digests = new Set(
    images.filter((image) => image.includes("/gourmetgram-app@")).map((image) => image.split("@")[1]),
  );
  const [digest] = digests.size === 1 ? digests : [null];
  return { version: models.find((model) => digest && model.digest === digest)?.version ?? "unknown", digest };
}

/** What the pods run and the environment answers, which may differ from what was requested. */
async function servedOnThisCluster(cluster: Cluster, namespace: string): Promise<Served> {
  const { items: pods } = await cluster.api<{ items: Pod[] }>(
    `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${namespace}`,
  );
  const serving = pods
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .find((container) => container.name === "app" && container.ready);
  return { version: await servedVersion(cluster, namespace), digest: serving?.imageID.split("@").at(-1) ?? null };
}

async function servedVersion(cluster: Cluster, namespace: string): Promise<string | null> {
  const service = await cluster
    .api<Service>(`/api/v1/namespaces/${namespace}/services/${namespace}`)
    .catch(() => undefined);
  if (!service) return null;
  const { status, text } = await cluster.service(namespace, namespace, service.spec.ports[0].port, "/version");
  return status === 200 ? (JSON.parse(text) as { model_version: string }).model_version : null;
}

/** The status as a person reads it. */
export function render({ environments, models, urls, freeze }: Status): string {
  const verdicts = (model: Model) =>
    Object.entries(model.verdicts)
      .map(([gate, { verdict }]) => `${gate} ${verdict}`)
      .join(", ");
  const parts = [
    ...(freeze ? [`Promotions are frozen by ${freeze.who} since ${freeze.since}: ${freeze.why}`] : []),
    table(
      ["ENVIRONMENT", "VERSION", "HEALTH", "DIGEST", "URL"],
      environments.map(({ name, version, health, digest, url }) => [
        name,
        version ?? "no model",
        health,
        digest?.slice(0, 19) ?? "-",
        url ?? "-",
      ]),
    ),
    models.length === 0
      ? "No model yet. To train one, run npm run train -- normal"
      : table(
          ["MODEL", "ALIASES", "GATES"],
          models.map((model) => [model.version, model.aliases.join(", ") || "-", verdicts(model) || "-"]),
        ),
  ];
  const pages = Object.entries(urls).filter(([name]) => !environments.some((environment) => environment.name === name));
  if (pages.length > 0) parts.push(table(["PAGE", "URL"], pages));
  return parts.join("\n\n");
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const status = await readStatus(connect());
  console.log(values.json ? JSON.stringify(status, null, 2) : render(status));
  return 0;
}

if (require.main === module) runMain(main);
