import { readdirSync, readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { Exec } from "@kubernetes/client-node";
import { expect } from "vitest";
import { follow } from "../../cli/train";
import { mlflow } from "../../client/mlflow";
import type { Outcome } from "../../client/pipeline-run";
import { promotionParameters } from "../../client/promotion";
import { pipelineRunWorkflows, submit, type Workflow } from "../../client/workflows";
import { mlflowAddress } from "../../components/shared/mlflow-address";
import { workflowNamespace } from "../../components/shared/workflow-names";
import { modelName } from "../../images/model";
import { ApiError } from "../../lib/kube-client";
import { connect } from "../../stacks/stack-cluster";
import { workflowsPath } from "./observations";

const mergePatch = { "content-type": "application/merge-patch+json" };

/** Waits until `look` finds something. @throws after `seconds`, default 120 */
export async function waitFor<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 120): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Registers a new version in MLflow with the artifacts of another one, as a training would. @returns its number */
export async function registerCandidate(of: string): Promise<string> {
  const { model_version: known } = (await mlflow<{ model_version: { source: string; run_id: string } }>(
    connect(),
    `model-versions/get?name=${modelName}&version=${of}`,
  ))!;
  const made = await mlflow<{ model_version: { version: string } }>(connect(), "model-versions/create", {
    name: modelName,
    source: known.source,
    run_id: known.run_id,
  });
  return made!.model_version.version;
}

/** Changes something in MLflow's registry by hand, as its page and its API let everybody do. */
export async function changeByHand(method: "POST" | "PATCH" | "DELETE", path: string, body: object): Promise<void> {
  const { status, text } = await connect().service("gourmetgram-platform", "mlflow", 8000, `/api/2.0/mlflow/${path}`, {
    method,
    body,
    headers: { host: mlflowAddress },
  });
  if (status !== 200) throw new Error(`MLflow answered ${path} with ${status}: ${text}`);
}

/** Reason and message of the Events on an environment's Application. */
export async function eventsOf(environment: string): Promise<string[]> {
  const selector = encodeURIComponent(`involvedObject.name=gourmetgram-${environment}`);
  const { items } = await connect().api<{ items: { type: string; reason: string; message: string }[] }>(
    `/api/v1/namespaces/argocd/events?fieldSelector=${selector}`,
  );
  return items.filter(({ type }) => type === "Warning").map(({ reason, message }) => `${reason}: ${message}`);
}

/** Waits for an Event: the step writes it after the record of what it is about. */
export const awaitEvent = (environment: string, event: string): Promise<unknown> =>
  waitFor(`the Event ${event}`, async () => (await eventsOf(environment)).includes(event));

/** Submits build-container-image for a version, as a person may. @returns the name of the pipeline run */
export function submitBuild(version: string): Promise<string> {
  return submit(connect(), "build-container-image", { "model-version": version });
}

/** Follows a pipeline run to its end, and prints its progress. */
export function followToEnd(pipelineRun: string): Promise<Outcome> {
  return follow(connect(), pipelineRun);
}

/** Brings a new version with the artifacts of another one to canary. @returns its number */
export async function newVersionInCanary(of: string): Promise<string> {
  const version = await registerCandidate(of);
  expect(await followToEnd(await submitBuild(version))).toMatchObject({ exitCode: 0, word: "Promoted" });
  return version;
}

/** Promotes a version as a person may, and follows it to its end. */
export async function promote(version: string, source: string, target: string): Promise<Outcome> {
  return followToEnd(await submit(connect(), "promote-model", promotionParameters(version, source, target)));
}

/** The Workflow of a pipeline run that runs a template. Waits until there is one. */
export function workflowOf(pipelineRun: string, template: string): Promise<Workflow> {
  return waitFor(
    `a Workflow of ${template}`,
    async () =>
      (await pipelineRunWorkflows(connect(), pipelineRun)).find(
        (workflow) => workflow.spec.workflowTemplateRef?.name === template,
      ),
    240,
  );
}

/** Waits until a step of a pipeline run has a pod. */
export function waitForStep(pipelineRun: string, template: string, step: string, seconds = 240): Promise<string> {
  return waitFor(
    `step ${step} of ${template}`,
    async () => {
      const workflow = (await pipelineRunWorkflows(connect(), pipelineRun)).find(
        (workflow) => workflow.spec.workflowTemplateRef?.name === template,
      );
      return Object.values(workflow?.status?.nodes ?? {}).find(
        ({ type, displayName }) => type === "Pod" && displayName.replace(/\(\d+\)$/, "") === step,
      )?.displayName;
    },
    seconds,
  );
}

interface Pods {
  items: {
    metadata: { name: string; deletionTimestamp?: string };
    status: { conditions?: { type: string; status: string }[] };
  }[];
}

function pods(namespace: string, selector: string): Promise<Pods> {
  return connect().api<Pods>(`/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);
}

/** Kills pods without a grace period. @returns how many */
export async function killPods(namespace: string, selector: string): Promise<number> {
  const { items } = await pods(namespace, selector);
  for (const { metadata } of items)
    await connect()
      .api(`/api/v1/namespaces/${namespace}/pods/${metadata.name}`, {
        method: "DELETE",
        body: { gracePeriodSeconds: 0 },
      })
      .catch(ignoreNotFound);
  return items.length;
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}

/** The app's pod in an environment, and how often its container was started again. */
export async function podOf(environment: string): Promise<{ uid: string; restarts: number }> {
  const app = `gourmetgram-${environment}`;
  const { items } = await connect().api<{
    items: { metadata: { uid: string }; status: { containerStatuses: { restartCount: number }[] } }[];
  }>(`/api/v1/namespaces/${app}/pods?labelSelector=app%3D${app}`);
  return { uid: items[0].metadata.uid, restarts: items[0].status.containerStatuses[0].restartCount };
}

/** Kills the app of an environment on its node, as the kernel does when memory runs out. It is ready again after. */
export async function killApp(environment: string): Promise<void> {
  const app = `gourmetgram-${environment}`;
  const { uid, restarts } = await podOf(environment);
  for (const pid of processesOf(uid, "server")) process.kill(pid, "SIGKILL");
  await waitFor(`a restart in ${environment}`, async () => (await podOf(environment)).restarts > restarts);
  await waitForPod(app, `app=${app}`);
}

/** The processes of a pod whose command has a word in it. The local cluster's node is this machine. */
function processesOf(uid: string, word: string): number[] {
  const read = (pid: string, name: string) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "utf8");
    } catch {
      return ""; // It has ended.
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && read(pid, "cgroup").includes(uid) && read(pid, "cmdline").includes(word))
    .map(Number);
}

/** Runs a command in the container of a part of the platform. @returns what it printed */
export async function execIn(
  { namespace, selector }: { namespace: string; selector: string },
  container: string,
  command: string[],
): Promise<string> {
  const { items } = await pods(namespace, selector);
  const stdout = new PassThrough();
  let printed = "";
  stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const config = await connect().config();
  const status = await new Promise<{ status?: string; message?: string }>((resolve, reject) => {
    new Exec(config)
      .exec(namespace, items[0].metadata.name, container, command, stdout, process.stderr, null, false, resolve)
      .catch(reject);
  });
  if (status.status !== "Success") throw new Error(`${command[0]} failed: ${status.message}`);
  return printed;
}

/** Waits until a pod is ready. */
export function waitForPod(namespace: string, selector: string): Promise<boolean> {
  return waitFor(`a ready pod ${selector}`, async () =>
    (await pods(namespace, selector)).items.some(
      ({ metadata, status }) =>
        !metadata.deletionTimestamp &&
        status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"),
    ),
  );
}

/** The parts of the platform that a test stops and restarts. */
export const platformParts = {
  registry: {
    path: "/apis/apps/v1/namespaces/kube-system/deployments/registry",
    namespace: "kube-system",
    selector: "app=registry",
  },
  mlflow: {
    path: "/apis/apps/v1/namespaces/gourmetgram-platform/deployments/mlflow",
    namespace: "gourmetgram-platform",
    selector: "app=mlflow",
  },
  argoCdController: {
    path: "/apis/apps/v1/namespaces/argocd/statefulsets/argocd-application-controller",
    namespace: "argocd",
    selector: "app.kubernetes.io/name=argocd-application-controller",
  },
  prometheus: {
    path: "/apis/apps/v1/namespaces/monitoring/deployments/prometheus",
    namespace: "monitoring",
    selector: "app=prometheus",
  },
  contour: {
    path: "/apis/apps/v1/namespaces/gourmetgram-gateway/deployments/contour",
    namespace: "gourmetgram-gateway",
    selector: "app=contour",
  },
  envoy: {
    path: "/apis/apps/v1/namespaces/gourmetgram-gateway/deployments/envoy",
    namespace: "gourmetgram-gateway",
    selector: "app=envoy",
  },
};

type PlatformPart = (typeof platformParts)[keyof typeof platformParts];

async function scale({ path, namespace, selector }: PlatformPart, replicas: 0 | 1): Promise<void> {
  await connect().api(`${path}/scale`, { method: "PATCH", headers: mergePatch, body: { spec: { replicas } } });
  if (replicas === 0) await waitFor(`the end of ${selector}`, async () => (await killPods(namespace, selector)) === 0);
}

/**
 * Runs `use` while a part of the platform has no pod. The part is ready again when this returns.
 * @param use may restart the part earlier
 */
export async function withPartDown<T>(
  part: PlatformPart,
  use: (restart: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const restart = async () => {
    await scale(part, 1);
    await waitForPod(part.namespace, part.selector);
  };
  try {
    await scale(part, 0);
    return await use(restart);
  } finally {
    await restart();
  }
}

/** Deletes the claim of a part of the platform, as somebody does by mistake. Its pod waits for another volume. */
export async function deleteClaim(part: PlatformPart, claim: string): Promise<void> {
  const path = `/api/v1/namespaces/${part.namespace}/persistentvolumeclaims/${claim}`;
  try {
    await scale(part, 0);
    await connect().api(path, { method: "DELETE" });
    // A pod that has ended holds its claim too, until its Job goes.
    await killPods(part.namespace, "app=volume-watch");
    await waitFor(`the end of ${claim}`, () => isGone(path));
  } finally {
    await scale(part, 1);
  }
}

/** Whether the API server knows no object at a path. */
async function isGone(path: string): Promise<boolean> {
  try {
    await connect().api(path);
    return false;
  } catch (error) {
    ignoreNotFound(error);
    return true;
  }
}

const parametersPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/pipeline-parameters`;

/** What the templates read of the stack, by key. */
export async function parameters(): Promise<Record<string, string>> {
  return (await connect().api<{ data: Record<string, string> }>(parametersPath)).data;
}

/** Has the templates read other parameters than the stack's. @returns what writes the stack's back */
async function changeParameters(changed: Record<string, string>): Promise<() => Promise<void>> {
  const before = await parameters();
  const write = async (values: Record<string, string>) => {
    await connect().api(`${parametersPath}?fieldManager=kubectl-edit`, {
      method: "PATCH",
      headers: mergePatch,
      body: { data: values },
    });
  };
  await write(changed);
  return () => write(Object.fromEntries(Object.keys(changed).map((key) => [key, before[key]])));
}

/** Runs `use` while the templates read other parameters than the stack's. The stack's are always written back. */
export async function withParameters<T>(changed: Record<string, string>, use: () => Promise<T>): Promise<T> {
  return during(await changeParameters(changed), use);
}

/** Runs `use`, and undoes what was changed for it, whatever becomes of it. */
async function during<T>(undo: () => Promise<void>, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await undo();
  }
}

/** Changes the time, in seconds, between two shares of the users. @returns what writes the stack's back */
export async function changePause(pauseSeconds: number): Promise<() => Promise<void>> {
  const { traffic } = await parameters();
  return changeParameters({ traffic: JSON.stringify({ ...JSON.parse(traffic), pauseSeconds }) });
}

/** Uses the pipeline with another time, in seconds, between two shares of the users. */
export async function withPause<T>(pauseSeconds: number, use: () => Promise<T>): Promise<T> {
  return during(await changePause(pauseSeconds), use);
}

/**
 * Runs `use` while a quota prevents further pods in a namespace.
 * @param use may lift the quota earlier
 */
export async function withFullNamespace<T>(
  namespace: string,
  use: (lift: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "no-room" },
    spec: { hard: { pods: "1" } },
  };
  const lift = () =>
    connect()
      .api(`${path}/no-room`, { method: "DELETE" })
      .then(() => undefined, ignoreNotFound);
  await connect().api(path, { method: "POST", body: quota });
  try {
    // The quota takes effect when it has counted the pods.
    await waitFor(
      "the quota",
      async () =>
        (await connect().api<{ status?: { used?: { pods?: string } } }>(`${path}/no-room`)).status?.used?.pods === "1",
    );
    return await use(lift);
  } finally {
    await lift();
  }
}

/**
 * Runs `use` while the API server refuses every new Service in a namespace, as a rule of the cluster's owner may.
 * @param use may lift the rule earlier
 */
export async function withoutNewServices<T>(
  namespace: string,
  use: (lift: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const [group, name] = ["admissionregistration.k8s.io/v1", "e2e-no-new-services"];
  const rule = {
    failurePolicy: "Fail",
    matchConstraints: {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["services"] }],
    },
    validations: [{ expression: "false", message: "no new Services here" }],
  };
  const objects = {
    validatingadmissionpolicies: ["ValidatingAdmissionPolicy", rule],
    validatingadmissionpolicybindings: [
      "ValidatingAdmissionPolicyBinding",
      { policyName: name, validationActions: ["Deny"] },
    ],
  } as const;
  const service = { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports: [{ port: 80 }] } };
  const isRefused = () =>
    connect()
      .api(`/api/v1/namespaces/${namespace}/services?dryRun=All`, { method: "POST", body: service })
      .then(
        () => false,
        (error: Error) => error.message.includes("no new Services here"),
      );
  const lift = async () => {
    for (const resource of Object.keys(objects))
      await connect().api(`/apis/${group}/${resource}/${name}`, { method: "DELETE" }).catch(ignoreNotFound);
    await waitFor("the end of the rule", async () => !(await isRefused()));
  };
  try {
    for (const [resource, [kind, spec]] of Object.entries(objects))
      await connect().api(`/apis/${group}/${resource}`, {
        method: "POST",
        body: { apiVersion: group, kind, metadata: { name }, spec },
      });
    await waitFor("the rule", isRefused);
    return await use(lift);
  } finally {
    await lift();
  }
}

/** Stops a Workflow as the button Stop does: its exit handler still runs. */
export async function stopWorkflow(name: string): Promise<void> {
  await connect().api(`${workflowsPath}/${name}`, {
    method: "PATCH",
    headers: mergePatch,
    body: { spec: { shutdown: "Stop" } },
  });
}

/**
 * Deletes a Workflow as the button Delete does: no part of it runs any more. One that Argo collects at that moment, as
 * it does with a schedule's, is gone as well.
 */
export async function deleteWorkflow(name: string): Promise<void> {
  await connect().api(`${workflowsPath}/${name}`, { method: "DELETE" }).catch(ignoreNotFound);
  await waitFor(`the end of ${name}`, () => isGone(`${workflowsPath}/${name}`));
}

/** Changes when a CronWorkflow runs, in cron's five fields. */
export async function schedule(cron: string, times: string): Promise<void> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/cronworkflows/${cron}`;
  await connect().api(`${path}?fieldManager=kubectl-edit`, {
    method: "PATCH",
    headers: mergePatch,
    body: { spec: { schedules: [times] } },
  });
}

/** Runs a CronWorkflow now, and not within the next ten minutes. Returns when its Workflow has ended. */
export async function runSchedule(cron: string): Promise<void> {
  const before = Date.now() - 1000;
  await schedule(cron, "* * * * *");
  try {
    await waitFor(
      `a run of ${cron}`,
      async () => {
        const { items } = await connect().api<{ items: Workflow[] }>(
          `${workflowsPath}?labelSelector=${encodeURIComponent(`workflows.argoproj.io/cron-workflow=${cron}`)}`,
        );
        return items.some(
          ({ metadata, status }) => Date.parse(metadata.creationTimestamp) > before && status?.phase === "Succeeded",
        );
      },
      240,
    );
  } finally {
    await schedule(cron, "*/10 * * * *");
  }
}
