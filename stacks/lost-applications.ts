/**
 * Applications that the cluster lacks: those that Pulumi has recorded, since somebody deleted them, and those that an
 * update creates, since a destroy or a refresh may have taken them out of the state too. Pulumi states no release: an
 * Application that it makes has the base image, and Argo CD would take the model out of an environment that goes on
 * serving it. So they are made before the update, with the release that runs there.
 */
import { type DatedRelease, heldText, readRecordedRelease, versionOfImage } from "../client/last-release";
import { mlflowNamespace } from "../components/shared/mlflow-address";
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
import type { PlannedStep } from "./data-loss";
import type { Recorded } from "./state";

/** An Application as Pulumi has applied it, or is about to. */
export interface DeclaredApplication {
  /** What it declares: everything but the release. */
  readonly declared: Properties;
  readonly app: string;
  /** The base image, `repository@digest`; another text where it is known only after the update. */
  readonly baseImage: string;
  /** Whether its pods are on another cluster, which is not asked. */
  readonly isRemote: boolean;
  /** Owner of the fields that Pulumi declares. */
  readonly manager: string;
  /** Whether the update creates it, so that it may be new. */
  readonly isCreated: boolean;
}

/** What is known of the release of an environment. */
export interface Known {
  /** Digest of the image that its Deployment names; null where there is no Deployment. */
  readonly running: string | null;
  /** What it last came to serve by the record of releases; null where the record names nothing. */
  readonly recorded: DatedRelease | null;
}

const applicationType = "kubernetes:argoproj.io/v1alpha1:Application";

/** The Applications that a stack has recorded. */
export function recordedApplications(resources: readonly Recorded[]): DeclaredApplication[] {
  return resources.flatMap(({ type, inputs, outputs }) => {
    if (type !== applicationType || !inputs) return [];
    const manager = typeof outputs?.__fieldManager === "string" ? outputs.__fieldManager : firstManager;
    return { ...declaredBy(inputs), manager, isCreated: false };
  });
}

/** The Applications that an update creates, by the steps of its preview. */
export function createdApplications(steps: readonly PlannedStep[]): DeclaredApplication[] {
  return steps.flatMap(({ type, operation, after }) =>
    type === applicationType && operation === "create"
      ? { ...declaredBy(after), declared: beginningOf(after), manager: firstManager, isCreated: true }
      : [],
  );
}

function declaredBy(inputs: Properties): Pick<DeclaredApplication, "declared" | "app" | "baseImage" | "isRemote"> {
  const { metadata, spec } = inputs as {
    metadata: { name: string; annotations?: Record<string, string> };
    spec: { destination: { name?: string } };
  };
  return {
    declared: inputs,
    app: metadata.name,
    baseImage: metadata.annotations?.[baseImageAnnotation] ?? "",
    isRemote: spec.destination.name !== undefined,
  };
}

/**
 * Owner of what an Application declares, where Pulumi has recorded none, until Pulumi first updates it. Pulumi's
 * creation joins the owners of the same values, and its updates take over the fields of every manager whose name begins
 * with `kubectl`.
 */
const firstManager = "kubectl-put-back";

/**
 * As much of an Application as the API server requires. Without a sync policy, Argo CD deploys nothing: the namespace,
 * the bundle and Argo CD's rights may not be there yet. Pulumi adds the rest once they are.
 */
function beginningOf({ apiVersion, kind, metadata, spec }: Properties): Properties {
  const { name, namespace } = metadata as Properties;
  const { project, destination, source } = spec as Properties;
  const { repoURL, path } = source as Properties;
  return { apiVersion, kind, metadata: { name, namespace }, spec: { project, destination, source: { repoURL, path } } };
}

/**
 * The digest that an environment is told to run again: what its Deployment names, since that is what its Application
 * told it last, or else what the record names. Null for the base image, where neither names anything else.
 */
export function releaseOf({ running, recorded }: Known, baseDigest: string): string | null {
  if (running && running !== baseDigest) return running;
  return recorded && recorded.version !== "base" ? recorded.digest : null;
}

/** Whether the cluster may have Applications. Without them the update makes all of Argo CD. */
export async function hasArgoCd(cluster: Cluster): Promise<boolean> {
  return (await applicationNames(cluster)) !== undefined;
}

/**
 * Makes those of the Applications that the cluster lacks. One that the update creates, and of which no release is
 * known, is left to the update.
 * @param platform the cluster with Argo CD, MLflow and the environments that are not on a remote one
 * @param allowDataLoss whether an environment may get the base image though its release cannot be found out
 * @returns what was made, a sentence each
 * @throws if the release of one cannot be found out; those before it are there
 */
export async function putBackApplications(
  applications: readonly DeclaredApplication[],
  platform: () => Cluster,
  allowDataLoss: boolean,
): Promise<string[]> {
  if (applications.length === 0) return [];
  const cluster = platform();
  const notices: string[] = [];
  for (const application of await missingOf(cluster, applications))
    notices.push(...(await putBack(cluster, application, allowDataLoss)));
  return notices;
}

/** Those that the cluster lacks. None if it lacks Argo CD too. */
async function missingOf(
  cluster: Cluster,
  applications: readonly DeclaredApplication[],
): Promise<DeclaredApplication[]> {
  const names = await applicationNames(cluster);
  return names ? applications.filter(({ app }) => !names.includes(app)) : [];
}

/** Undefined if the cluster lacks Argo CD. */
async function applicationNames(cluster: Cluster): Promise<string[] | undefined> {
  const namespace = await unlessNotFound(cluster.api<Named>(`/api/v1/namespaces/${argoCdNamespace}`));
  const list = await unlessNotFound(cluster.api<{ items: Named[] }>(applicationsPath));
  return namespace && list?.items.map(({ metadata }) => metadata.name);
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

async function putBack(cluster: Cluster, application: DeclaredApplication, allowDataLoss: boolean): Promise<string[]> {
  const { app, baseImage, isRemote, isCreated } = application;
  const [baseRepository, baseDigest] = baseImage.split("@");
  const { repository, digest: running } = isRemote ? nothingRuns : await runningImage(cluster, app);
  const is = isCreated ? "is not in the cluster" : "is gone from the cluster";
  let silence: string | undefined;
  const known = await knownOf(cluster, environmentOf(app), running).catch(async (error: Error): Promise<Known> => {
    silence = error.message;
    // What runs is enough. The pipeline looks at the record itself, once MLflow answers.
    const isEnough = (running && running !== baseDigest) || allowDataLoss;
    // Where MLflow is gone, it never answers before the update, which makes it again.
    if (isEnough || (isCreated && !(await hasMlflow(cluster)))) return { running, recorded: null };
    throw unknownRelease(app, is, error);
  });
  const digest = releaseOf(known, baseDigest);
  const { recorded } = known;
  if (isCreated && !digest) return silence ? [withoutRecord(app, is, silence)] : [];
  const from = baseDigest ? baseRepository : repository;
  // The base image that is not known yet names no repository, and what does not run names none either.
  if (digest && !from) return [withoutRecord(app, is, "its image is not built yet")];
  await create(cluster, application, {
    ...(recorded && { annotation: heldText(recorded) }),
    ...(digest && { image: `${appImageName}=${from}@${digest}` }),
  });
  const made = `The Application ${app} ${is}: it is made ${isCreated ? "" : "again "}`.trimEnd();
  if (!digest) return [`${made}, with the base image, since no release of it is known.`];
  const version = recorded?.digest === digest ? recorded.version : digest.slice(0, 19);
  return [`${made} with ${version}, ${digest === running ? "which runs there" : "as the record of releases says"}.`];
}

const withoutRecord = (app: string, is: string, why: string): string =>
  `The Application ${app} ${is}, and the release of it cannot be put in place yet (${why}): it is made with the base ` +
  "image. If the record of releases names a release, the schedule restore-releases puts it back.";

async function hasMlflow(cluster: Cluster): Promise<boolean> {
  const path = `/apis/apps/v1/namespaces/${mlflowNamespace}/deployments/mlflow`;
  return (await unlessNotFound(cluster.api<Deployment>(path))) !== undefined;
}

/** Where the record names nothing, MLflow may still know the model of what runs. */
async function knownOf(cluster: Cluster, environment: string, running: string | null): Promise<Known> {
  const recorded = await readRecordedRelease(cluster, environment);
  if (recorded || !running) return { running, recorded };
  const version = await versionOfImage(cluster, running);
  return { running, recorded: version ? { version, digest: running, at: Date.now() } : null };
}

const unknownRelease = (app: string, is: string, { message }: Error): Error =>
  new Error(
    `The Application ${app} ${is}, and it is not known which release it had: no Deployment names ` +
      `one, and MLflow does not tell (${message}). Nothing was updated. Run this again when MLflow answers. ` +
      "To go on with the base image instead, run npm start -- --allow-data-loss.",
  );

/** What a Deployment names. */
interface RunningImage {
  readonly repository: string | null;
  readonly digest: string | null;
}

const nothingRuns: RunningImage = { repository: null, digest: null };

async function runningImage(cluster: Cluster, app: string): Promise<RunningImage> {
  const found = await unlessNotFound(cluster.api<Deployment>(`/apis/apps/v1/namespaces/${app}/deployments/${app}`));
  const image = found?.spec.template.spec.containers.find(({ name }) => name === "app")?.image ?? "";
  const [repository, digest] = image.split("@");
  return digest ? { repository, digest } : nothingRuns;
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
  { declared, app, manager }: DeclaredApplication,
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
