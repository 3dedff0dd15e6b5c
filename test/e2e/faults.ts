import { mlflow } from "../../cli/mlflow";
import type { Outcome } from "../../cli/pipeline-run";
import { follow } from "../../cli/train";
import { pipelineRunWorkflows, submit, type Workflow } from "../../cli/workflows";
import { workflowNamespace } from "../../components/shared/workflow-names";
import { ApiError } from "../../lib/kube-client";
import { connect } from "../../stacks/stack-cluster";
import { model, workflowsPath } from "./observations";

const merge = { "content-type": "application/merge-patch+json" };

/** Waits for something that will come about. @throws after `seconds`, default 120 */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 120): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** A new version in MLflow with the artifacts of another one: what a training would register, without the training. */
export async function candidate(of: string): Promise<string> {
  const { model_version: known } = (await mlflow<{ model_version: { source: string; run_id: string } }>(
    connect(),
    `model-versions/get?name=${model}&version=${of}`,
  ))!;
  const made = await mlflow<{ model_version: { version: string } }>(connect(), "model-versions/create", {
    name: model,
    source: known.source,
    run_id: known.run_id,
  });
  return made!.model_version.version;
}

/** Submits build-container-image for a version, as a person may. @returns the name of the chain */
export function build(version: string): Promise<string> {
  return submit(connect(), "build-container-image", { "model-version": version });
}

/** Follows a chain to its end, shown as it goes. */
export function ended(chain: string): Promise<Outcome> {
  return follow(connect(), chain);
}

/** The Workflow of a chain that runs a template, as soon as it is there. */
export function workflowOf(chain: string, template: string): Promise<Workflow> {
  return until(
    `a Workflow of ${template}`,
    async () =>
      (await pipelineRunWorkflows(connect(), chain)).find((one) => one.spec.workflowTemplateRef?.name === template),
    240,
  );
}

/** Waits until a step of a chain has a pod. */
export function begun(chain: string, template: string, step: string): Promise<string> {
  return until(
    `step ${step} of ${template}`,
    async () => {
      const workflow = (await pipelineRunWorkflows(connect(), chain)).find(
        (one) => one.spec.workflowTemplateRef?.name === template,
      );
      return Object.values(workflow?.status?.nodes ?? {}).find(
        ({ type, displayName }) => type === "Pod" && displayName.replace(/\(\d+\)$/, "") === step,
      )?.displayName;
    },
    240,
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

/** Kills pods at once, without a chance to say good-bye. @returns how many */
export async function killPods(namespace: string, selector: string): Promise<number> {
  const { items } = await pods(namespace, selector);
  for (const { metadata } of items)
    await connect()
      .api(`/api/v1/namespaces/${namespace}/pods/${metadata.name}`, {
        method: "DELETE",
        body: { gracePeriodSeconds: 0 },
      })
      .catch(gone);
  return items.length;
}

function gone(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}

/** Waits until a pod is ready. */
export function ready(namespace: string, selector: string): Promise<boolean> {
  return until(`a ready pod ${selector}`, async () =>
    (await pods(namespace, selector)).items.some(
      ({ metadata, status }) =>
        !metadata.deletionTimestamp &&
        status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"),
    ),
  );
}

/** A part of the platform that a test takes away, and brings back. */
export const parts = {
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
};

/**
 * Runs `use` while a part of the platform is away: not one pod of it is left. It is back, and ready, when this returns.
 * @param use may bring it back earlier by itself
 */
export async function without<T>(
  { path, namespace, selector }: (typeof parts)[keyof typeof parts],
  use: (bringBack: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const scale = (replicas: number) =>
    connect().api(`${path}/scale`, { method: "PATCH", headers: merge, body: { spec: { replicas } } });
  const bringBack = async () => {
    await scale(1);
    await ready(namespace, selector);
  };
  await scale(0);
  try {
    await until(`the end of ${selector}`, async () => (await killPods(namespace, selector)) === 0);
    return await use(bringBack);
  } finally {
    await bringBack();
  }
}

/** Runs `use` while the templates read other parameters than the stack's; they are put back whatever happens. */
export async function withParameters<T>(changed: Record<string, string>, use: () => Promise<T>): Promise<T> {
  const path = `/api/v1/namespaces/${workflowNamespace}/configmaps/pipeline-parameters`;
  const { data } = await connect().api<{ data: Record<string, string> }>(path);
  const write = (values: Record<string, string>) =>
    connect().api(`${path}?fieldManager=kubectl-edit`, { method: "PATCH", headers: merge, body: { data: values } });
  await write(changed);
  try {
    return await use();
  } finally {
    await write(Object.fromEntries(Object.keys(changed).map((key) => [key, data[key]])));
  }
}

/**
 * Runs `use` while a namespace takes no further pod.
 * @param use may make room earlier by itself
 */
export async function withoutRoom<T>(
  namespace: string,
  use: (makeRoom: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "no-room" },
    spec: { hard: { pods: "1" } },
  };
  const makeRoom = () =>
    connect()
      .api(`${path}/no-room`, { method: "DELETE" })
      .then(() => undefined, gone);
  await connect().api(path, { method: "POST", body: quota });
  try {
    // The quota counts only once it has looked around.
    await until(
      "the quota",
      async () =>
        (await connect().api<{ status?: { used?: { pods?: string } } }>(`${path}/no-room`)).status?.used?.pods === "1",
    );
    return await use(makeRoom);
  } finally {
    await makeRoom();
  }
}

/** Stops a Workflow as a person does by the button Stop: its exit handler still runs. */
export async function stopWorkflow(name: string): Promise<void> {
  await connect().api(`${workflowsPath}/${name}`, {
    method: "PATCH",
    headers: merge,
    body: { spec: { shutdown: "Stop" } },
  });
}

/** Deletes a Workflow as a person does by the button Delete: nothing of it runs any more. */
export async function deleteWorkflow(name: string): Promise<void> {
  await connect().api(`${workflowsPath}/${name}`, { method: "DELETE" });
  await until(`the end of ${name}`, () =>
    connect()
      .api(`${workflowsPath}/${name}`)
      .then(
        () => false,
        () => true,
      ),
  );
}

/** Lets a CronWorkflow come round now, and not within the next ten minutes. @returns when its Workflow has ended */
export async function onSchedule(cron: string): Promise<void> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/cronworkflows/${cron}`;
  const before = Date.now() - 1000;
  const schedule = (text: string) =>
    connect().api(`${path}?fieldManager=kubectl-edit`, {
      method: "PATCH",
      headers: merge,
      body: { spec: { schedules: [text] } },
    });
  await schedule("* * * * *");
  try {
    await until(
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
    await schedule("*/10 * * * *");
  }
}
