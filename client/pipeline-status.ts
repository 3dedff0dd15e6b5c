import {
  applicationsPath,
  environmentApp,
  environmentOf,
  lastReleaseAnnotation,
} from "../components/shared/workflow-names";
import { noApplication } from "../lib/health";
import { parseJson } from "../lib/json";
import { ApiError, type Cluster } from "../lib/kube-client";
import { knownUrls } from "../local/urls";
import { type Approval, listApprovals } from "./approvals";
import { type DataDrift, readDataDrift } from "./data-drift";
import { environmentsOf, type Parameters, requireParameters } from "./environments";
import { type Freeze, readFreeze } from "./freeze";
import { MlflowError } from "./mlflow";
import { listModels, listNewestModels, listServedModels, type Model } from "./models";
import { readTrafficSplit, type TrafficSplit } from "./traffic-split";

export interface EnvironmentStatus {
  readonly name: string;
  /**
   * `1.0.X`, or null while the base image runs or nothing answers. On a remote cluster, `unknown` if no model has the
   * digest.
   */
  readonly version: string | null;
  /** Digest of the image that runs, or null. On a remote cluster, the digest if Argo CD sees exactly one. */
  readonly digest: string | null;
  /** Version that it last came to serve: `1.0.X` or `base`. Null before the first release. */
  readonly lastRelease: string | null;
  /**
   * As Argo CD reports it: `Healthy`, `Progressing`, `Degraded`, `Missing` or `Unknown`. `NoApplication` where it has
   * no Application to report of.
   */
  readonly health: string;
  /** Its pods; null on a remote cluster. */
  readonly pods: Pods | null;
  readonly url: string | null;
}

interface Pods {
  readonly ready: number;
  readonly all: number;
  /** How often their containers were started again. */
  readonly restarts: number;
  /** Since when the one that has been ready longest is so, in UTC to the second; null if none is. */
  readonly readySince: string | null;
}

export interface Status {
  /** The freeze that stops all promotions, or null. */
  readonly freeze: Freeze | null;
  readonly environments: EnvironmentStatus[];
  readonly models: Model[];
  /** Why MLflow could not be asked; nothing is then known of the models. */
  readonly mlflowProblem?: string;
  /** Requests that wait for people, newest first. */
  readonly approvals: Approval[];
  /** How users are split at the gateway; null without one. */
  readonly traffic: TrafficSplit | null;
  /** What the looks at people's pictures found; null in a stack that does not watch for data drift. */
  readonly dataDrift: DataDrift | null;
  readonly urls: Record<string, string>;
}

/** An Application of Argo CD, which deploys one environment. */
export interface Application {
  metadata: { name: string; annotations?: Record<string, string> };
  /** A destination with a name is a remote cluster. */
  spec: {
    project: string;
    destination: { namespace: string; name?: string };
    source?: { kustomize?: { images?: string[] } };
  };
  status?: { health?: { status?: string }; summary?: { images?: string[] } };
}
interface Pod {
  metadata: { deletionTimestamp?: string };
  status: {
    conditions?: { type: string; status: string; lastTransitionTime: string }[];
    containerStatuses?: { name: string; ready: boolean; imageID: string; restartCount: number }[];
  };
}
interface Service {
  spec: { ports: { port: number }[] };
}

/** The status, without models that are neither new nor in use. */
export interface BriefStatus extends Status {
  /** Largest number of models that were left out. */
  readonly older: number;
}

/** Path of an environment's pods in the Kubernetes API. */
export const podsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${namespace}`;
/** Path of an environment's Service in the Kubernetes API. */
export const servicePath = (namespace: string) => `/api/v1/namespaces/${namespace}/services/${namespace}`;

/** Number of the newest models that a person sees. */
export const newestModels = 20;

/** What every environment serves, and the verdicts of every model. */
export async function readStatus(cluster: Cluster): Promise<Status> {
  return withoutMlflow(
    async () => statusOf(cluster, await listModels(cluster)),
    () => statusOf(cluster, []),
  );
}

/** What `read` gives, or what can be said without MLflow where that does not answer. */
async function withoutMlflow<T extends Status>(read: () => Promise<T>, readWithout: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    return { ...(await readWithout()), mlflowProblem: error.message };
  }
}

interface BriefOptions {
  /** How many of the newest models; default 20. */
  newest?: number;
  /** Those of the pipeline, where they have been read before. */
  parameters?: Parameters;
}

/** The same with the newest models, those that an environment runs, and those with an alias. */
export async function readBriefStatus(cluster: Cluster, options: BriefOptions = {}): Promise<BriefStatus> {
  const parameters = options.parameters ?? (await requireParameters(cluster));
  return withoutMlflow(
    () => readWithNewestModels(cluster, options.newest ?? newestModels, parameters),
    async () => ({ ...(await statusOf(cluster, [], { parameters })), older: 0 }),
  );
}

async function readWithNewestModels(cluster: Cluster, newest: number, parameters: Parameters): Promise<BriefStatus> {
  const { models, older } = await listNewestModels(cluster, newest);
  const applications = await readApplications(cluster);
  const digests = applications.flatMap((application) => remoteDigest(application) ?? []);
  const onRemoteClusters = await listServedModels(cluster, models, { digests });
  const known = [...models, ...onRemoteClusters];
  const status = await statusOf(cluster, known, { applications, parameters });
  const versions = status.environments.flatMap(({ version, lastRelease }) => [version ?? [], lastRelease ?? []].flat());
  const served = [...onRemoteClusters, ...(await listServedModels(cluster, known, { versions }))];
  return { ...status, models: [...models, ...served], older: Math.max(0, older - served.length) };
}

/** The Applications of the pipeline's environments. */
export async function readApplications(cluster: Cluster): Promise<Application[]> {
  const { items } = await cluster.api<{ items: Application[] }>(applicationsPath);
  return items.filter(({ spec }) => spec.project === "gourmetgram");
}

/**
 * What every environment serves, where MLflow has been asked before.
 * @param models those that an environment of a remote cluster may run, which are known by their digest
 * @param read what else has been read before
 */
export async function statusOf(
  cluster: Cluster,
  models: Model[],
  read: { applications?: Application[]; parameters?: Parameters } = {},
): Promise<Status> {
  const parameters = read.parameters ?? (await requireParameters(cluster));
  const applications = read.applications ?? (await readApplications(cluster));
  return {
    environments: await environmentStatuses(cluster, applications, environmentsOf(parameters), models),
    models,
    urls: knownUrls(),
    traffic: await readTrafficSplit(cluster, parameters),
    dataDrift: await readDataDrift(cluster, parameters),
    freeze: (await readFreeze(cluster)) ?? null,
    approvals: (await listApprovals(cluster)).filter(({ phase }) => phase === "Waiting"),
  };
}

/**
 * What every environment serves, in the order of promotion.
 * @param order names of all environments, also of those that have lost their Application
 * @param models those that an environment of a remote cluster may run, which are known by their digest
 */
export async function environmentStatuses(
  cluster: Cluster,
  applications: readonly Application[],
  order: readonly string[],
  models: Model[],
): Promise<EnvironmentStatus[]> {
  const urls = knownUrls();
  const known = applications.map(({ spec }) => environmentOf(spec.destination.namespace));
  const environments = await Promise.all([
    ...applications.map((application) => environmentStatus(cluster, application, models, urls)),
    ...order.filter((name) => !known.includes(name)).map((name) => lostEnvironment(cluster, name, urls)),
  ]);
  return environments.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

async function environmentStatus(
  cluster: Cluster,
  application: Application,
  models: Model[],
  urls: Record<string, string>,
): Promise<EnvironmentStatus> {
  const { metadata, spec, status } = application;
  const { namespace, name: remoteCluster } = spec.destination;
  const name = environmentOf(namespace);
  const served = remoteCluster
    ? servedOnRemoteCluster(application, models)
    : await servedOnThisCluster(cluster, namespace);
  return {
    name,
    ...served,
    lastRelease: lastReleaseOf(metadata.annotations?.[lastReleaseAnnotation]),
    health: status?.health?.status ?? "Unknown",
    url: urls[name] ?? null,
  };
}

/** An environment without an Application. Its pods may go on serving, on this cluster or on another one. */
async function lostEnvironment(
  cluster: Cluster,
  name: string,
  urls: Record<string, string>,
): Promise<EnvironmentStatus> {
  const served = await servedOnThisCluster(cluster, environmentApp(name)).catch((error: Error) => {
    if (error instanceof ApiError) return nothingServed;
    throw error;
  });
  return {
    name,
    // An environment that has no pod here may have them elsewhere.
    ...(served.pods?.all ? served : nothingServed),
    lastRelease: null,
    health: noApplication,
    url: urls[name] ?? null,
  };
}

const nothingServed: Served = { version: null, digest: null, pods: null };

/** What is wrong with environments that have no Application, and what to do, a sentence each. */
export function describeLost(environments: readonly EnvironmentStatus[]): string[] {
  return environments
    .filter(({ health }) => health === noApplication)
    .map(({ name, pods }) => {
      const serves = pods?.ready ? "It goes on serving, but nobody" : "Nobody";
      return (
        `${name} has no Application in Argo CD. ${serves} can release to it: ` +
        "run npm start of its stack, which makes it with the release that runs there."
      );
    });
}

function lastReleaseOf(annotation: string | undefined): string | null {
  return (parseJson(annotation ?? "null") as { version?: string } | null | undefined)?.version ?? null;
}

type Served = Pick<EnvironmentStatus, "version" | "digest" | "pods">;

/** What Argo CD sees on a remote cluster, which these commands can't read. */
function servedOnRemoteCluster(application: Application, models: Model[]): Served {
  const digest = remoteDigest(application) ?? null;
  const version = models.find((model) => digest && model.digest === digest)?.version ?? "unknown";
  return { version, digest, pods: null };
}

/** The digest that Argo CD sees on a remote cluster; undefined if it sees none or several, or on this cluster. */
function remoteDigest({ spec, status }: Application): string | undefined {
  if (!spec.destination.name) return undefined;
  const images = (status?.summary?.images ?? []).filter((image) => image.includes("/gourmetgram-app@"));
  const digests = new Set(images.map((image) => image.split("@")[1]));
  return digests.size === 1 ? [...digests][0] : undefined;
}

/** What the pods run and the environment answers, which may differ from what was requested. */
async function servedOnThisCluster(cluster: Cluster, namespace: string): Promise<Served> {
  const { items: pods } = await cluster.api<{ items: Pod[] }>(podsPath(namespace));
  const living = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  const containers = living
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .filter(({ name }) => name === "app");
  const ready = containers.filter((container) => container.ready);
  const readyTimes = living
    .flatMap(({ status }) => status.conditions ?? [])
    .filter(({ type, status }) => type === "Ready" && status === "True")
    .map(({ lastTransitionTime }) => lastTransitionTime);
  return {
    version: await servedVersion(cluster, namespace),
    digest: ready[0]?.imageID.split("@").at(-1) ?? null,
    pods: {
      ready: ready.length,
      all: living.length,
      restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
      readySince: readyTimes.sort()[0] ?? null,
    },
  };
}

async function servedVersion(cluster: Cluster, namespace: string): Promise<string | null> {
  const service = await cluster.api<Service>(servicePath(namespace)).catch(() => undefined);
  if (!service) return null;
  const { status, text } = await cluster.service(namespace, namespace, service.spec.ports[0].port, "/version");
  return status === 200 ? (JSON.parse(text) as { model_version: string }).model_version : null;
}
