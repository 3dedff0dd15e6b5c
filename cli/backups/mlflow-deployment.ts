import { mlflowNamespace } from "../../components/shared/mlflow-address";
import { parseJson } from "../../lib/json";
import { ApiError, type Cluster } from "../../lib/kube-client";
import type { Container } from "../../lib/pod-exec";
import { isRecord } from "../../lib/record";

const deployment = `/apis/apps/v1/namespaces/${mlflowNamespace}/deployments/mlflow`;
const pods = `/api/v1/namespaces/${mlflowNamespace}/pods`;
/** Annotation of MLflow's Deployment while a restore is not complete. */
const annotation = "gourmetgram.io/restore";
const podName = "mlflow-restore";
const mergePatch = { "content-type": "application/merge-patch+json" };

/** A restore that has begun and has not come to its end. */
export interface Begun {
  /** Its name, which is part of the name of the folder for what MLflow had. */
  readonly restore: string;
  /** SHA-256 of the manifest of its backup. */
  readonly backup: string;
  /** Number of MLflow's pods before it. */
  readonly replicas: number;
}

interface Deployment {
  metadata: { annotations?: Record<string, string> };
  spec: { replicas?: number; template: { spec: PodSpec } };
}
interface PodSpec {
  initContainers?: object[];
  containers: { name: string; image: string; env?: object[]; securityContext?: object; volumeMounts?: object[] }[];
}
interface Pod {
  metadata: { name: string };
  status: { phase: string; conditions?: { type: string; status: string; message?: string }[] };
}

/** The restore that has begun; undefined if there is none. @throws if the stack has no MLflow */
export async function readBegun(cluster: Cluster): Promise<Begun | undefined> {
  const { metadata } = await cluster.api<Deployment>(deployment).catch((error: Error) => {
    if (error instanceof ApiError && error.status === 404)
      throw new Error(`the cluster has no MLflow (${error.message}): run npm start, or pulumi up, then restore`);
    throw error;
  });
  const found = parseJson(metadata.annotations?.[annotation] ?? "null");
  if (!isRecord(found) || typeof found.restore !== "string" || typeof found.backup !== "string") return undefined;
  return {
    restore: found.restore,
    backup: found.backup,
    replicas: typeof found.replicas === "number" && found.replicas > 0 ? found.replicas : 1,
  };
}

/** Number of pods that MLflow has, at least 1: without one it is left by a restore that was killed. */
export async function readReplicas(cluster: Cluster): Promise<number> {
  return (await cluster.api<Deployment>(deployment)).spec.replicas || 1;
}

/** Notes that a restore has begun, or with null that it is complete. */
export async function writeBegun(cluster: Cluster, begun: Begun | null): Promise<void> {
  const value = begun && JSON.stringify(begun);
  await patch(cluster, deployment, { metadata: { annotations: { [annotation]: value } } });
}

/**
 * Runs `use` while MLflow does not run, with a pod that reaches its data. MLflow runs again afterwards, in any case.
 * @param replicas number of pods that it then has
 * @throws if MLflow does not end, or does not run again
 */
export async function withoutMlflow<T>(
  cluster: Cluster,
  replicas: number,
  use: (container: Container) => Promise<T>,
): Promise<T> {
  await scale(cluster, 0);
  try {
    await until(cluster, "MLflow's pod did not end", async () => (await list(cluster, "app=mlflow")).length === 0);
    await removePod(cluster);
    const { spec } = (await cluster.api<Deployment>(deployment)).spec.template;
    await cluster.api(pods, { method: "POST", body: podOf(spec) });
    await until(cluster, `the pod ${podName} did not start`, async () =>
      (await list(cluster, `app=${podName}`)).some(isReady),
    );
    return await use({ namespace: mlflowNamespace, pod: podName, container: "restore" });
  } finally {
    await removePod(cluster);
    await scale(cluster, replicas);
    await until(cluster, "MLflow did not come to run again", async () =>
      (await list(cluster, "app=mlflow")).some(isReady),
    );
  }
}

/** A pod like MLflow's, which waits for commands for an hour at most. No Service leads to it. */
function podOf(spec: PodSpec): object {
  const [{ image, env, securityContext, volumeMounts }] = spec.containers;
  const container = {
    name: "restore",
    image,
    command: ["python3", "-c", "import signal; signal.pause()"],
    env,
    // MLflow's own library makes the tables in PostgreSQL.
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "1Gi" } },
    securityContext,
    volumeMounts,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: podName, namespace: mlflowNamespace, labels: { app: podName } },
    spec: {
      ...spec,
      initContainers: [],
      containers: [container],
      restartPolicy: "Never",
      activeDeadlineSeconds: 3600,
      terminationGracePeriodSeconds: 0,
    },
  };
}

async function removePod(cluster: Cluster): Promise<void> {
  await cluster.api(`${pods}/${podName}`, { method: "DELETE" }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
  await until(
    cluster,
    `the pod ${podName} did not end`,
    async () => (await list(cluster, `app=${podName}`)).length === 0,
  );
}

async function scale(cluster: Cluster, replicas: number): Promise<void> {
  await patch(cluster, `${deployment}/scale`, { spec: { replicas } });
}

async function patch(cluster: Cluster, path: string, body: object): Promise<void> {
  await cluster.api(`${path}?fieldManager=npm-restore`, { method: "PATCH", headers: mergePatch, body });
}

async function list(cluster: Cluster, selector: string): Promise<Pod[]> {
  return (await cluster.api<{ items: Pod[] }>(`${pods}?labelSelector=${encodeURIComponent(selector)}`)).items;
}

const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

/** Seconds that a pod gets to start or to end; an upgrade of MLflow's tables is among it. */
const patience = 300;

async function until(cluster: Cluster, complaint: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + patience * 1000; !(await check()); ) {
    if (Date.now() > end)
      throw new Error(
        `${complaint} within ${patience} s: see ${cluster.kubectl} describe pods --namespace ${mlflowNamespace}, ` +
          "then run npm run restore again",
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
