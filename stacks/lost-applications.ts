/**
 * Applications that Pulumi has recorded and the cluster lacks, since somebody deleted them. Pulumi states no release:
 * an Application that it makes again has the base image, and Argo CD would take the model out of an environment that
 * goes on serving it. So they are made again before the update, with the release that runs there.
 */
import { type DatedRelease, heldText, readRecordedRelease, versionOfImage } from "../client/last-release";
import {
  appImageName,
  applicationsPath,
  argoCdNamespace,
  baseImageAnnotation,
  environmentOf,
  lastReleaseAnnotation,
  pipelineFieldManager,
} from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";
import { isRecord, type Properties } from "../lib/record";
import type { Recorded } from "./state";

/** An Application as Pulumi has recorded that it applied it. */
interface RecordedApplication {
  /** What it declares: everything but the release. */
  readonly declared: Properties;
  readonly app: string;
  /** The base image, `repository@digest`. */
  readonly baseImage: string;
  /** Whether its pods are on another cluster, which is not asked. */
  readonly isRemote: boolean;
  /** The name under which Pulumi writes its fields; undefined if it has recorded none. */
  readonly manager: string | undefined;
}

/** What is known of the release of an environment. */
export interface Known {
  /** Digest of the image that its Deployment names; null where there is no Deployment. */
  readonly running: string | null;
  /** What it last came to serve by the record of releases; null where the record names nothing. */
  readonly recorded: DatedRelease | null;
}

/** The Applications that a stack has recorded. */
export function recordedApplications(resources: readonly Recorded[]): RecordedApplication[] {
  return resources.flatMap(({ type, inputs, outputs }) => {
    if (type !== "kubernetes:argoproj.io/v1alpha1:Application" || !inputs) return [];
    const { metadata, spec } = inputs as {
      metadata: { name: string; annotations?: Record<string, string> };
      spec: { destination: { name?: string } };
    };
    return {
      declared: inputs,
      app: metadata.name,
      baseImage: metadata.annotations?.[baseImageAnnotation] ?? "",
      isRemote: spec.destination.name !== undefined,
      manager: typeof outputs?.__fieldManager === "string" ? outputs.__fieldManager : undefined,
    };
  });
}

/**
 * The digest that an environment is told to run again: what its Deployment names, since that is what its Application
 * told it last, or else what the record names. Null for the base image, where neither names anything else.
 */
export function releaseOf({ running, recorded }: Known, baseDigest: string): string | null {
  if (running && running !== baseDigest) return running;
  return recorded && recorded.version !== "base" ? recorded.digest : null;
}

/**
 * Makes the Applications again that the cluster lacks.
 * @param platform the cluster with Argo CD, MLflow and the environments that are not on a remote one
 * @param allowDataLoss whether an environment may get the base image though its release cannot be found out
 * @returns what was made again, a sentence each
 * @throws if the release of one cannot be found out; those before it are there again
 */
export async function putBackApplications(
  resources: readonly Recorded[],
  platform: () => Cluster,
  allowDataLoss: boolean,
): Promise<string[]> {
  const applications = recordedApplications(resources);
  if (applications.length === 0) return [];
  const cluster = platform();
  const notices: string[] = [];
  for (const application of await missingOf(cluster, applications))
    notices.push(await putBack(cluster, application, allowDataLoss));
  return notices;
}

/** Those that the cluster lacks. None if it lacks Argo CD too: then the update makes all of it. */
async function missingOf(cluster: Cluster, applications: RecordedApplication[]): Promise<RecordedApplication[]> {
  const namespace = await unlessNotFound(cluster.api<Named>(`/api/v1/namespaces/${argoCdNamespace}`));
  const list = await unlessNotFound(cluster.api<{ items: Named[] }>(applicationsPath));
  if (!namespace || !list) return [];
  const names = list.items.map(({ metadata }) => metadata.name);
  return applications.filter(({ app }) => !names.includes(app));
}

interface Named {
  metadata: { name: string };
}

async function unlessNotFound<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
}

async function putBack(cluster: Cluster, application: RecordedApplication, allowDataLoss: boolean): Promise<string> {
  const { app, baseImage, isRemote } = application;
  const [repository, baseDigest] = baseImage.split("@");
  const running = isRemote ? null : await runningDigest(cluster, app);
  const known = await knownOf(cluster, environmentOf(app), running).catch((error: Error): Known => {
    // What runs is enough. The pipeline looks at the record itself, once MLflow answers.
    if ((running && running !== baseDigest) || allowDataLoss) return { running, recorded: null };
    throw unknownRelease(app, error);
  });
  const digest = releaseOf(known, baseDigest);
  const { recorded } = known;
  await create(cluster, application, {
    ...(recorded && { annotation: heldText(recorded) }),
    ...(digest && { image: `${appImageName}=${repository}@${digest}` }),
  });
  const gone = `The Application ${app} is gone from the cluster: it is made again`;
  if (!digest) return `${gone}, with the base image, since no release of it is known.`;
  const version = recorded?.digest === digest ? recorded.version : digest.slice(0, 19);
  return `${gone} with ${version}, ${digest === running ? "which runs there" : "as the record of releases says"}.`;
}

/** Where the record names nothing, MLflow may still know the model of what runs. */
async function knownOf(cluster: Cluster, environment: string, running: string | null): Promise<Known> {
  const recorded = await readRecordedRelease(cluster, environment);
  if (recorded || !running) return { running, recorded };
  const version = await versionOfImage(cluster, running);
  return { running, recorded: version ? { version, digest: running, at: Date.now() } : null };
}

const unknownRelease = (app: string, { message }: Error): Error =>
  new Error(
    `The Application ${app} is gone from the cluster, and it is not known which release it had: no Deployment names ` +
      `one, and MLflow does not tell (${message}). Nothing was updated. Run this again when MLflow answers. ` +
      "To go on with the base image instead, run npm start -- --allow-data-loss.",
  );

async function runningDigest(cluster: Cluster, app: string): Promise<string | null> {
  const found = await unlessNotFound(cluster.api<Deployment>(`/apis/apps/v1/namespaces/${app}/deployments/${app}`));
  const image = found?.spec.template.spec.containers.find(({ name }) => name === "app")?.image ?? "";
  return image.split("@")[1] ?? null;
}

interface Deployment {
  spec: { template: { spec: { containers: { name: string; image: string }[] } } };
}

/**
 * Makes an Application at once with its release, since Argo CD deploys it within a second. Then each field gets the
 * owner that it had: Pulumi what it declares, so that its updates do not conflict, and the pipeline the release.
 */
async function create(
  cluster: Cluster,
  { declared, app, manager }: RecordedApplication,
  { annotation, image }: { annotation?: string; image?: string },
): Promise<void> {
  const { apiVersion, kind, metadata, spec } = declared as Record<"metadata" | "spec", Properties> & Properties;
  const { name, namespace } = metadata;
  const release = {
    ...{ apiVersion, kind },
    metadata: { name, namespace, ...(annotation && { annotations: { [lastReleaseAnnotation]: annotation } }) },
    ...(image && { spec: { source: { kustomize: { images: [image] } } } }),
  };
  const write = (fieldManager: string, body: unknown) =>
    cluster.api(`${applicationsPath}/${app}?fieldManager=${fieldManager}`, {
      method: "PATCH",
      headers: { "content-type": "application/apply-patch+yaml" },
      body,
    });
  await write(pipelineFieldManager, merged({ apiVersion, kind, metadata, spec }, release));
  if (!manager) return;
  await write(manager, { apiVersion, kind, metadata, spec });
  await write(pipelineFieldManager, release);
}

/** Both objects in one; where both have a value that is no mapping, the second one's. */
function merged(first: Properties, second: Properties): Properties {
  const entries = Object.entries(second).map(([key, value]) => {
    const before = first[key];
    return [key, isRecord(before) && isRecord(value) ? merged(before, value) : value];
  });
  return { ...first, ...Object.fromEntries(entries) };
}
