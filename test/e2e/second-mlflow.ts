import { join } from "node:path";
import { mlflowAddress, mlflowNamespace, mlflowPort } from "../../components/shared/mlflow-address";
import { buildDockerfile } from "../../image-builder/dockerfile";
import { pushImage } from "../../image-builder/push";
import { exec } from "../../lib/exec";
import { kubeconfigPath, toolPath } from "../../lib/paths";
import { recordedPorts } from "../../local/cluster/forward";
import { buildLocalImages, mirrorAddress } from "../../local/toolchain/third-party-images";
import { connect } from "../../stacks/stack-cluster";
import { until } from "./faults";

const name = "mlflow-second";
const metadata = { name, namespace: mlflowNamespace, labels: { app: name } };
const core = `/api/v1/namespaces/${mlflowNamespace}`;
const apps = `/apis/apps/v1/namespaces/${mlflowNamespace}/deployments`;

interface Container {
  image: string;
}
interface Deployment {
  metadata: { generation: number };
  spec: {
    template: {
      spec: {
        containers: Container[];
        initContainers: Container[];
        volumes: { persistentVolumeClaim?: { claimName: string } }[];
      };
    };
  };
  status: { observedGeneration?: number; updatedReplicas?: number; readyReplicas?: number; replicas?: number };
}

/** MLflow's minor version before the catalogue's, in the local cluster's mirror. @returns its `repository@digest` */
export async function olderImage(): Promise<string> {
  const quiet = () => undefined;
  const { mlflow } = await buildLocalImages(undefined, ["mlflow"], quiet);
  const image = await buildDockerfile(
    { name: "mlflow-older", context: join(__dirname, "older-mlflow"), base: "local", images: { MLFLOW: mlflow! } },
    quiet,
  );
  await pushImage(image, `127.0.0.1:${recordedPorts()!.mirror}/mlflow:older`, true);
  return `${mirrorAddress}/mlflow@${image.digest}`;
}

/** The image of the pipeline's own MLflow. */
export async function catalogueImage(): Promise<string> {
  return (await connect().api<Deployment>(`${apps}/mlflow`)).spec.template.spec.containers[0].image;
}

/**
 * Runs `use` beside a second MLflow with an empty volume of its own. Its pod is in all else the pipeline's.
 * @param use gets what puts an image in place, and waits until it serves
 */
export async function withSecondMlflow<T>(use: (deploy: (image: string) => Promise<void>) => Promise<T>): Promise<T> {
  const cluster = connect();
  const { spec } = await cluster.api<Deployment>(`${apps}/mlflow`);
  const pod = spec.template.spec;
  const of = (image: string) => ({
    ...pod,
    containers: pod.containers.map((container) => ({ ...container, image })),
    initContainers: pod.initContainers.map((container) => ({ ...container, image })),
    volumes: pod.volumes.map((volume) =>
      volume.persistentVolumeClaim ? { ...volume, persistentVolumeClaim: { claimName: name } } : volume,
    ),
  });
  const create = (path: string, body: object) => cluster.api(path, { method: "POST", body: { metadata, ...body } });
  await create(`${core}/persistentvolumeclaims`, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
  await create(`${core}/services`, {
    apiVersion: "v1",
    kind: "Service",
    spec: { selector: { app: name }, ports: [{ port: mlflowPort }] },
  });
  try {
    const labels = { app: name };
    await create(apps, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      spec: { ...spec, replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    });
    return await use(async (image) => {
      await cluster.api(`${apps}/${name}`, {
        method: "PATCH",
        headers: { "content-type": "application/merge-patch+json" },
        body: { spec: { replicas: 1, template: { spec: of(image) } } },
      });
      await until(`an MLflow of ${image}`, async () => {
        const { metadata: own, status } = await cluster.api<Deployment>(`${apps}/${name}`);
        return (
          status.observedGeneration === own.generation &&
          [status.replicas, status.updatedReplicas, status.readyReplicas].every((count) => count === 1)
        );
      });
    });
  } finally {
    for (const path of [`${apps}/${name}`, `${core}/services/${name}`, `${core}/persistentvolumeclaims/${name}`])
      await cluster.api(path, { method: "DELETE" }).catch(() => undefined);
  }
}

/** The revision that its tables are of. */
export async function schema(): Promise<string> {
  const query =
    "import sqlite3; print(*sqlite3.connect('/data/mlflow.db').execute('select version_num from alembic_version').fetchone())";
  const flags = [
    "--kubeconfig",
    kubeconfigPath(),
    "--namespace",
    mlflowNamespace,
    `deployment/${name}`,
    "--container",
    "mlflow",
  ];
  return (await exec(toolPath("kubectl"), ["exec", ...flags, "--", "python3", "-c", query])).trim();
}

/** An MLflow of the cluster: the pipeline's own, or the second one. */
export class Mlflow {
  constructor(private readonly service: "mlflow" | typeof name) {}

  /** A call to it. @throws for any answer but 200 */
  async text(path: string, request: { method?: string; body?: unknown } = {}): Promise<string> {
    const { status, text } = await connect().service(mlflowNamespace, this.service, mlflowPort, path, {
      headers: { host: mlflowAddress },
      ...request,
    });
    if (status !== 200) throw new Error(`${this.service} answered ${path} with ${status}: ${text.slice(0, 500)}`);
    return text;
  }

  /** A call of its REST API, a POST where it has a body. */
  async call<T>(path: string, body?: object): Promise<T> {
    return JSON.parse(await this.text(`/api/2.0/mlflow/${path}`, body && { method: "POST", body })) as T;
  }

  /** All that the pipeline keeps there, as it answers; of the runs of each experiment the newest 20. */
  async content(): Promise<Content> {
    const { experiments } = await this.call<Pick<Content, "experiments">>("experiments/search", { max_results: 100 });
    const { registered_models: models = [] } = await this.call<{ registered_models?: Content["models"] }>(
      "registered-models/search",
    );
    const { model_versions: versions = [] } = await this.call<{ model_versions?: Content["versions"] }>(
      "model-versions/search?max_results=1000",
    );
    const runs: Content["runs"] = [];
    for (const { experiment_id } of experiments)
      runs.push(
        ...((
          await this.call<{ runs?: Content["runs"] }>("runs/search", {
            experiment_ids: [experiment_id],
            max_results: 20,
          })
        ).runs ?? []),
      );
    return { experiments, models, versions, runs };
  }
}

interface Pair {
  key: string;
  value: string;
}
export interface Content {
  experiments: { experiment_id: string; name: string }[];
  models: { name: string; aliases?: { alias: string; version: string }[] }[];
  versions: { name: string; version: string; source: string; run_id: string; tags?: Pair[] }[];
  runs: {
    info: {
      experiment_id: string;
      run_id: string;
      run_name: string;
      artifact_uri: string;
      status: string;
      start_time: number;
      end_time?: number;
    };
    data: { tags?: Pair[]; params?: Pair[]; metrics?: object[] };
  }[];
}

/** Writes to an empty MLflow what another one holds, by the calls that the pipeline makes. Numbers of its own are given to runs and versions. */
export async function fill(target: Mlflow, { experiments, models, versions, runs }: Content): Promise<void> {
  const experimentIds = new Map<string, string>();
  for (const { experiment_id, name: called } of experiments)
    experimentIds.set(
      experiment_id,
      called === "Default"
        ? "0"
        : (await target.call<{ experiment_id: string }>("experiments/create", { name: called })).experiment_id,
    );
  const made = new Map<string, Content["runs"][0]["info"]>();
  for (const { info, data } of runs) {
    const { start_time, run_name } = info;
    const { run } = await target.call<{ run: Content["runs"][0] }>("runs/create", {
      experiment_id: experimentIds.get(info.experiment_id),
      start_time,
      run_name,
      tags: data.tags,
    });
    const { run_id } = run.info;
    made.set(info.run_id, run.info);
    await target.call("runs/log-batch", { run_id, params: data.params ?? [], metrics: data.metrics ?? [] });
    await target.call("runs/update", { run_id, status: info.status, end_time: info.end_time });
  }
  for (const { name: called, aliases = [] } of models) {
    await target.call("registered-models/create", { name: called });
    const numbers = new Map<string, string>();
    for (const { version, run_id, tags } of versions
      .filter((each) => each.name === called)
      .sort((a, b) => Number(a.version) - Number(b.version))) {
      const run = made.get(run_id);
      if (!run) continue;
      const { model_version } = await target.call<{ model_version: { version: string } }>("model-versions/create", {
        name: called,
        source: `${run.artifact_uri}/model`,
        run_id: run.run_id,
        tags,
      });
      numbers.set(version, model_version.version);
    }
    for (const { alias, version } of aliases)
      if (numbers.has(version))
        await target.call("registered-models/alias", { name: called, alias, version: numbers.get(version) });
  }
}
