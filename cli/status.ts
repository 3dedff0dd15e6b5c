import { parseArgs } from "node:util";
import { knownUrls } from "../local/urls";
import { Cluster, connect } from "./cluster";
import { readEnvironments } from "./environments";
import { Freeze, readFreeze } from "./freeze";
import { listModels, Model } from "./models";
import { run } from "./run";
import { table } from "./table";

export interface EnvironmentStatus {
  readonly name: string;
  /** `1.0.X`, or null while the base image runs or nothing answers. */
  readonly version: string | null;
  /** Digest of the image that runs, or null. */
  readonly digest: string | null;
  /** Argo CD's word: `Healthy`, `Progressing`, `Degraded`, `Missing` or `Unknown`. */
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
  spec: { project: string; destination: { namespace: string } };
  status?: { health?: { status?: string } };
}
interface Pod {
  metadata: { deletionTimestamp?: string };
  status: { containerStatuses?: { name: string; ready: boolean; imageID: string }[] };
}
interface Service {
  spec: { ports: { port: number }[] };
}

/** What every environment serves, and what became of every model. */
export async function readStatus(cluster: Cluster): Promise<Status> {
  const { items } = await cluster.api<{ items: Application[] }>("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications");
  const urls = knownUrls();
  const environments = await Promise.all(items.filter(({ spec }) => spec.project === "gourmetgram").map((application) => environmentStatus(cluster, application, urls)));
  const order = await readEnvironments(cluster);
  return { environments: environments.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)), models: await listModels(cluster), urls, freeze: (await readFreeze(cluster)) ?? null };
}

async function environmentStatus(cluster: Cluster, application: Application, urls: Record<string, string>): Promise<EnvironmentStatus> {
  const namespace = application.spec.destination.namespace;
  const name = namespace.replace(/^gourmetgram-/, "");
  const { items: pods } = await cluster.api<{ items: Pod[] }>(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${namespace}`);
  const serving = pods
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .find((container) => container.name === "app" && container.ready);
  return {
    name,
    version: await servedVersion(cluster, namespace),
    digest: serving?.imageID.split("@").at(-1) ?? null,
    health: application.status?.health?.status ?? "Unknown",
    url: urls[name] ?? null,
  };
}

/** The environment's own answer, not what was asked of it. */
async function servedVersion(cluster: Cluster, namespace: string): Promise<string | null> {
  const service = await cluster.api<Service>(`/api/v1/namespaces/${namespace}/services/${namespace}`).catch(() => undefined);
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
      environments.map(({ name, version, health, digest, url }) => [name, version ?? "no model", health, digest?.slice(0, 19) ?? "-", url ?? "-"]),
    ),
    models.length === 0
      ? "No model yet: npm run train -- normal"
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

if (require.main === module) run(main);
