import { expect } from "vitest";
import { mlflow } from "../../client/mlflow";
import { type EnvironmentStatus, readStatus, type Status } from "../../client/pipeline-status";
import { listReleases, type Release } from "../../client/releases";
import type { TrafficSplit } from "../../client/traffic-split";
import { pipelineRunWorkflows, type Workflow } from "../../client/workflows";
import { monitoringNamespace, prometheusName, workflowNamespace } from "../../components/shared/workflow-names";
import { modelName } from "../../images/model";
import { knownUrls } from "../../local/urls";
import { connect } from "../../stacks/stack-cluster";

export const workflowsPath = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/workflows`;

/** What `npm run status` shows: the environments, the models, and the addresses. */
export async function status(): Promise<Status> {
  const found = await readStatus(connect());
  if (found.mlflowProblem) throw new Error(found.mlflowProblem);
  return found;
}

/** The traffic of a status while every user meets production. */
export const noCandidate: TrafficSplit = {
  canary: "canary",
  production: "production",
  refused: "",
  route: "as-split",
  version: null,
  percent: 0,
  withdrawn: "",
  paused: "",
  analysis: "",
};

/** One environment of the status. */
export async function environment(name: string): Promise<EnvironmentStatus> {
  return (await status()).environments.find((candidate) => candidate.name === name)!;
}

/** The version that an address serves, as a browser would see it. */
export async function servedVersion(url: string): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${url}/version`);
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** What Prometheus answers to a query now. */
export async function samples(query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
  const { text } = await connect().service(monitoringNamespace, prometheusName, 9090, path);
  return JSON.parse(text).data.result;
}

/** HTTP status of a page, redirects followed. */
export async function pageStatus(url: string): Promise<number> {
  return (await fetch(url)).status;
}

/** The uids of the pods that run in an environment. A new pod has another uid. */
export async function podUids(name: string): Promise<string[]> {
  const app = `gourmetgram-${name}`;
  const { items } = await connect().api<{ items: { metadata: { uid: string }; status: { phase: string } }[] }>(
    `/api/v1/namespaces/${app}/pods?labelSelector=app%3D${app}`,
  );
  return items.filter(({ status: { phase } }) => phase === "Running").map(({ metadata }) => metadata.uid);
}

/** Tags of a model version in MLflow. */
export async function tags(version: string): Promise<Record<string, string>> {
  const found = await mlflow<{ model_version: { tags?: { key: string; value: string }[] } }>(
    connect(),
    `model-versions/get?name=${modelName}&version=${version}`,
  );
  return Object.fromEntries((found!.model_version.tags ?? []).map(({ key, value }) => [key, value]));
}

/** Number of the newest registered version. */
export async function newestVersion(): Promise<string> {
  return (await status()).models[0].version.replace("1.0.", "");
}

/** Version that an alias is on, as `1.0.X`; undefined if it is on none. */
export async function alias(name: string): Promise<string | undefined> {
  return (await status()).models.find(({ aliases }) => aliases.includes(name))?.version;
}

/** The Workflows of a pipeline run: template → phase. */
export async function workflowPhases(pipelineRun: string): Promise<Record<string, string>> {
  const members = await pipelineRunWorkflows(connect(), pipelineRun);
  return Object.fromEntries(
    members.map((workflow) => [workflow.spec.workflowTemplateRef!.name, workflow.status?.phase ?? "Pending"]),
  );
}

/** The steps of one Workflow of a pipeline run: name → phase, as Argo shows them. Retries count once. */
export async function stepPhases(pipelineRun: string, template: string): Promise<Record<string, string>> {
  const workflow = (await pipelineRunWorkflows(connect(), pipelineRun)).find(
    (candidate) => candidate.spec.workflowTemplateRef?.name === template,
  );
  const steps = Object.values(workflow?.status?.nodes ?? {}).filter(
    ({ type }) => type === "Retry" || type === "Skipped",
  );
  return Object.fromEntries(steps.map(({ displayName, phase }) => [displayName, phase]));
}

/** Records of releases, newest first. */
export function releases(): Promise<Release[]> {
  return listReleases(connect());
}

/** The newest record of an environment. */
export async function lastRelease(name: string): Promise<Release> {
  return (await releases()).find((release) => release.environment === name)!;
}

/** Digest that an environment is told to run. */
export async function releasedDigest(name: string): Promise<string | undefined> {
  const { spec } = await connect().api<{ spec: { source: { kustomize?: { images?: string[] } } } }>(
    `/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/gourmetgram-${name}`,
  );
  return spec.source.kustomize?.images?.[0]?.split("@")[1];
}

/** What the environments are told to run, and what production answers, as the cluster says: MLflow is not asked. */
export const running = async () => ({
  digests: await Promise.all(["staging", "canary", "production"].map(releasedDigest)),
  answer: await servedVersion(knownUrls().production),
});

interface Pod {
  metadata: { name: string; labels?: Record<string, string> };
  status: { phase: string };
}

/**
 * What must not be left when the pipeline is idle: an unfinished Workflow, a lock that a Workflow holds or waits for, a
 * running pod, an environment that does not serve the version of its alias, an open record.
 */
export async function unfinished(): Promise<string[]> {
  const cluster = connect();
  const { items: workflows } = await cluster.api<{
    items: (Workflow & { status?: { synchronization?: { mutex?: { holding?: object[]; waiting?: object[] } } } })[];
  }>(workflowsPath);
  const { items: pods } = await cluster.api<{ items: Pod[] }>(
    `/api/v1/namespaces/${workflowNamespace}/pods?labelSelector=workflows.argoproj.io/workflow`,
  );
  // Workflows of a schedule start, end and are deleted at any time. Their names begin with the one of the schedule.
  const isOurs = (workflow: string) => !workflow.startsWith("cron-");
  const ours = workflows.filter(({ metadata }) => isOurs(metadata.name));
  const { environments, models } = await status();
  const expected = (name: string) => models.find(({ aliases }) => aliases.includes(name))?.version ?? null;
  return [
    ...ours
      .filter(({ status: workflowStatus }) => !["Succeeded", "Failed", "Error"].includes(workflowStatus?.phase ?? ""))
      .map(({ metadata }) => `${metadata.name} is not finished`),
    ...ours
      .filter(
        ({ status: workflowStatus }) =>
          (workflowStatus?.synchronization?.mutex?.holding ?? workflowStatus?.synchronization?.mutex?.waiting ?? [])
            .length > 0,
      )
      .map(({ metadata }) => `${metadata.name} holds or waits for a lock`),
    ...pods
      .filter(
        (pod) =>
          isOurs(pod.metadata.labels!["workflows.argoproj.io/workflow"]) &&
          ["Running", "Pending"].includes(pod.status.phase),
      )
      .map(({ metadata }) => `pod ${metadata.name} still runs`),
    ...environments
      .filter(({ name, version }) => version !== expected(name))
      .map(({ name, version }) => `${name} serves ${version}, its alias is on ${expected(name)}`),
    ...(await releases())
      .filter(({ outcome }) => outcome === null)
      .map(({ action, environment: name }) => `the record of a ${action} to ${name} is open`),
  ];
}

/** Expects that the pipeline is idle and that each environment serves this version. The base image is null. */
export async function expectSettled(versions: Record<string, string | null>): Promise<void> {
  const { environments } = await status();
  const found = Object.fromEntries(
    environments.filter(({ name }) => name in versions).map(({ name, version }) => [name, version]),
  );
  expect(found).toEqual(versions);
  // A pod ends a moment after its Workflow.
  await expect.poll(unfinished, { timeout: 40_000, interval: 1_000 }).toEqual([]);
}
