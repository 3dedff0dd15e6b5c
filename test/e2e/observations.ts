import { expect } from "vitest";
import { mlflow } from "../../cli/mlflow";
import { listReleases, type Release } from "../../cli/releases";
import { type EnvironmentStatus, readStatus, type Status } from "../../cli/status";
import { pipelineRunWorkflows, type Workflow } from "../../cli/workflows";
import { workflowNamespace } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";

export const model = "GourmetGramFood11Model";
export const workflowsPath = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/workflows`;

/** What a person would look up: the environments, the models, and the addresses. */
export function status(): Promise<Status> {
  return readStatus(connect());
}

/** One environment of it. */
export async function environment(name: string): Promise<EnvironmentStatus> {
  return (await status()).environments.find((one) => one.name === name)!;
}

/** The version that an address serves, as a browser would see it. */
export async function served(url: string): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${url}/version`);
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** HTTP status of a page, redirects followed. */
export async function page(url: string): Promise<number> {
  return (await fetch(url)).status;
}

/** The pods that run in an environment: one that was made anew has another uid. */
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
    `model-versions/get?name=${model}&version=${version}`,
  );
  return Object.fromEntries((found!.model_version.tags ?? []).map(({ key, value }) => [key, value]));
}

/** Number of the newest registered version. */
export async function newestVersion(): Promise<string> {
  return (await status()).models[0].version.replace("1.0.", "");
}

/** Version that an alias is on, as `1.0.X`; undefined where it is on none. */
export async function alias(name: string): Promise<string | undefined> {
  return (await status()).models.find(({ aliases }) => aliases.includes(name))?.version;
}

/** The Workflows of a chain: template → phase. */
export async function chainPhases(chain: string): Promise<Record<string, string>> {
  const members = await pipelineRunWorkflows(connect(), chain);
  return Object.fromEntries(
    members.map((workflow) => [workflow.spec.workflowTemplateRef!.name, workflow.status?.phase ?? "Pending"]),
  );
}

/** The steps of one Workflow of a chain: name → phase, as Argo shows them; the tries of a step count as one. */
export async function stepPhases(chain: string, template: string): Promise<Record<string, string>> {
  const workflow = (await pipelineRunWorkflows(connect(), chain)).find(
    (one) => one.spec.workflowTemplateRef?.name === template,
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

interface Pod {
  metadata: { name: string; labels?: Record<string, string> };
  status: { phase: string };
}

/**
 * What is not as it should be once nothing goes on any more: an unfinished Workflow, a lock that somebody holds or waits for,
 * a pod that still runs, an environment that serves something else than its alias says, a record that is still open.
 */
export async function loose(): Promise<string[]> {
  const cluster = connect();
  const { items: workflows } = await cluster.api<{
    items: (Workflow & { status?: { synchronization?: { mutex?: { holding?: object[]; waiting?: object[] } } } })[];
  }>(workflowsPath);
  const { items: pods } = await cluster.api<{ items: Pod[] }>(
    `/api/v1/namespaces/${workflowNamespace}/pods?labelSelector=workflows.argoproj.io/workflow`,
  );
  // What runs on a schedule comes and goes by itself.
  const scheduled = workflows
    .filter(({ metadata }) => metadata.labels?.["workflows.argoproj.io/cron-workflow"])
    .map(({ metadata }) => metadata.name);
  const ours = workflows.filter(({ metadata }) => !scheduled.includes(metadata.name));
  const { environments, models } = await status();
  const expected = (name: string) => models.find(({ aliases }) => aliases.includes(name))?.version ?? null;
  return [
    ...ours
      .filter(({ status: now }) => !["Succeeded", "Failed", "Error"].includes(now?.phase ?? ""))
      .map(({ metadata }) => `${metadata.name} is not finished`),
    ...ours
      .filter(
        ({ status: now }) =>
          (now?.synchronization?.mutex?.holding ?? now?.synchronization?.mutex?.waiting ?? []).length > 0,
      )
      .map(({ metadata }) => `${metadata.name} holds or waits for a lock`),
    ...pods
      .filter(
        (pod) =>
          !scheduled.includes(pod.metadata.labels!["workflows.argoproj.io/workflow"]) &&
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

/** Nothing is left over, and each of these environments serves this version; null is the base image. */
export async function settledOn(versions: Record<string, string | null>): Promise<void> {
  const { environments } = await status();
  const found = Object.fromEntries(
    environments.filter(({ name }) => name in versions).map(({ name, version }) => [name, version]),
  );
  expect(found).toEqual(versions);
  // A pod takes a moment to go once its Workflow has ended.
  await expect.poll(loose, { timeout: 40_000, interval: 1_000 }).toEqual([]);
}
