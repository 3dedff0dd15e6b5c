/** The stand-in Kubernetes plugin against a real API server; without nodes, so the test plays the kubelet. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KubernetesProvider } from "../../local/plugins/kube-provider";
import { NotReadyError, type Target } from "../../local/plugins/protocol";
import { isRecord, type Properties, record, records, unknown } from "../../local/plugins/values";
import { type ControlPlane, startControlPlane } from "./control-plane";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane?.stop());

const target = (type: string, changed: Partial<Target> = {}): Target => ({
  urn: `urn:pulumi:dev::plugins::kubernetes:${type}::${expect.getState().currentTestName}`,
  type: `kubernetes:${type}`,
  name: "it",
  id: "",
  timeoutSeconds: 20,
  preview: false,
  ...changed,
});

async function provider(settings: Properties = {}): Promise<KubernetesProvider> {
  const made = new KubernetesProvider();
  await made.configure({ kubeconfig: plane.kubeconfig, context: "test", ...settings });
  return made;
}

let count = 0;
/** A namespace of the test's own. */
async function namespace(): Promise<string> {
  const name = `test-${++count}`;
  await plane.client.request("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
  });
  return name;
}

const configMap = (ns: string, data: Properties = { a: "1" }): Properties => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "it", namespace: ns },
  data,
});
const get = (path: string) => plane.client.request("GET", path);
const patch = (path: string, body: Properties, fieldManager = "someone") =>
  plane.client.request("PATCH", path, { body, query: { fieldManager }, contentType: "application/merge-patch+json" });
const container = { name: "app", image: "example.test/app:1" };

function deployment(ns: string, replicas = 1): Properties {
  const template = {
    metadata: { labels: { app: "it" } },
    spec: { automountServiceAccountToken: false, containers: [container] },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "it", namespace: ns },
    spec: { replicas, selector: { matchLabels: { app: "it" } }, template },
  };
}

function job(ns: string): Properties {
  const template = { spec: { automountServiceAccountToken: false, restartPolicy: "Never", containers: [container] } };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "it", namespace: ns },
    spec: { backoffLimit: 0, template },
  };
}

/** Gives the namespace's next pod a status, as a kubelet would. */
async function playKubelet(ns: string, status: Properties): Promise<void> {
  const name = await plane.client.follow(
    `/api/v1/namespaces/${ns}/pods`,
    {},
    AbortSignal.timeout(20_000),
    (pod) => record(pod, "metadata").name as string | undefined,
  );
  await patch(`/api/v1/namespaces/${ns}/pods/${name}/status`, { status });
}

const running: Properties = {
  phase: "Running",
  conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
};

describe("a create", () => {
  it("answers with the object as it is on the cluster, and a second one says that it is there", async () => {
    const ns = await namespace();
    const { id, outputs } = await (await provider()).create(target("core/v1:ConfigMap"), configMap(ns));
    expect(id).toBe(`${ns}/it`);
    expect(outputs).toMatchObject({ kind: "ConfigMap", data: { a: "1" }, metadata: { uid: expect.any(String) } });
    expect(record(outputs, "metadata").managedFields).toBeUndefined();
    const another = target("core/v1:ConfigMap", { urn: "urn:another" });
    await expect((await provider()).create(another, configMap(ns))).rejects.toThrow(
      `ConfigMap ${ns}/it: it already exists and is not this stack's`,
    );
    await expect((await provider()).create({ ...another, preview: true }, configMap(ns))).rejects.toThrow(
      "already exists",
    );
    await expect(
      (await provider({ upsertExistingObjects: "true" })).create(another, configMap(ns, { b: "2" })),
    ).resolves.toMatchObject({ outputs: { data: { a: "1", b: "2" } } });
  });

  it("that was cut short before it was recorded goes on, but never takes over what the state knows", async () => {
    const ns = await namespace();
    await (await provider()).create(target("core/v1:ConfigMap"), configMap(ns));
    await expect((await provider()).create(target("core/v1:ConfigMap"), configMap(ns))).resolves.toMatchObject({
      id: `${ns}/it`,
    });
    const replacing = await provider();
    await replacing.check(target("core/v1:ConfigMap"), configMap(ns), configMap(ns), Buffer.from("1"));
    await expect(replacing.create(target("core/v1:ConfigMap"), configMap(ns))).rejects.toThrow("already exists");
  });

  it("waits until the Deployment's pods are available", async () => {
    const ns = await namespace();
    const [{ outputs }] = await Promise.all([
      (await provider()).create(target("apps/v1:Deployment"), deployment(ns)),
      playKubelet(ns, running),
    ]);
    expect(outputs).toMatchObject({ apiVersion: "apps/v1", kind: "Deployment", status: { availableReplicas: 1 } });
  });

  it("of a Deployment that isn't ready in time says why, and the next update goes on", async () => {
    const ns = await namespace();
    const pulling = {
      phase: "Pending",
      containerStatuses: [
        {
          name: "app",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
        },
      ],
    };
    const kube = await provider();
    const [error] = await Promise.all([
      kube.create(target("apps/v1:Deployment", { timeoutSeconds: 2 }), deployment(ns)).catch((thrown) => thrown),
      playKubelet(ns, pulling),
    ]);
    expect(error).toBeInstanceOf(NotReadyError);
    expect(error.message).toMatch(
      new RegExp(
        `^Deployment ${ns}/it: not ready within 2 s: 0 of 1 pods available\\n` +
          "  pod it-.*: container app: ImagePullBackOff \\(no such image\\)$",
      ),
    );
    const { id, outputs } = error.state;
    const [state] = await Promise.all([
      kube.update(target("apps/v1:Deployment", { id }), deployment(ns), outputs, deployment(ns)),
      playKubelet(ns, running),
    ]);
    expect(state.outputs).toMatchObject({ status: { availableReplicas: 1 } });
  });

  it("of a Job waits for its end, and fails with it", async () => {
    const ns = await namespace();
    const ended = {
      phase: "Failed",
      containerStatuses: [
        {
          name: "app",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 3, reason: "Error" } },
        },
      ],
    };
    const [error] = await Promise.all([
      (await provider()).create(target("batch/v1:Job"), job(ns)).catch((thrown) => thrown),
      playKubelet(ns, ended),
    ]);
    expect(error.message).toMatch(
      new RegExp(
        "^Job test-\\d+/it: Job has reached the specified backoff limit\n" +
          "  pod it-\\w+: container app: Error, exit code 3",
      ),
    );
  });

  it("of a custom resource waits for its definition and for what its annotation says", async () => {
    const ns = await namespace();
    const schema = {
      openAPIV3Schema: {
        type: "object",
        properties: { status: { type: "object", properties: { phase: { type: "string" } } } },
      },
    };
    const definition: Properties = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "dishes.example.test" },
      spec: {
        group: "example.test",
        scope: "Namespaced",
        names: { plural: "dishes", kind: "Dish", singular: "dish", listKind: "DishList" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    };
    const metadata = {
      name: "it",
      namespace: ns,
      annotations: { "pulumi.com/waitFor": "jsonpath={.status.phase}=Hot" },
    };
    const dish: Properties = { apiVersion: "example.test/v1", kind: "Dish", metadata };
    const kube = await provider();
    expect((await kube.create(target("example.test/v1:Dish", { preview: true }), dish)).id).toBe("");
    const cooked = kube.create(target("example.test/v1:Dish"), dish);
    await kube.create(target("apiextensions.k8s.io/v1:CustomResourceDefinition"), definition);
    const path = `/apis/example.test/v1/namespaces/${ns}/dishes`;
    await plane.client.follow(path, {}, AbortSignal.timeout(10_000), (each) => each && true);
    await patch(`${path}/it`, { status: { phase: "Hot" } });
    await expect(cooked).resolves.toMatchObject({ outputs: { status: { phase: "Hot" } } });
  });

  it("does not wait for a volume claim that is bound by its first pod", async () => {
    const ns = await namespace();
    const storageClass = {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "late" },
      provisioner: "kubernetes.io/no-provisioner",
      volumeBindingMode: "WaitForFirstConsumer",
    };
    const kube = await provider();
    await kube.create(target("storage.k8s.io/v1:StorageClass"), storageClass);
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "it", namespace: ns },
      spec: { storageClassName: "late", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    await expect(kube.create(target("core/v1:PersistentVolumeClaim"), claim)).resolves.toMatchObject({
      outputs: { status: { phase: "Pending" } },
    });
  });

  it("ends when the update is cancelled, and keeps what it made", async () => {
    const ns = await namespace();
    const kube = await provider();
    const created = kube.create(target("apps/v1:Deployment"), deployment(ns)).catch((error) => error);
    await plane.client.follow(
      `/apis/apps/v1/namespaces/${ns}/deployments`,
      {},
      AbortSignal.timeout(10_000),
      (each) => each && true,
    );
    kube.cancel();
    expect(await created).toMatchObject({
      state: { id: `${ns}/it` },
      message: expect.stringContaining("the update was cancelled"),
    });
  });
});

describe("an update", () => {
  it("touches only what is declared, and takes away what no longer is", async () => {
    const ns = await namespace();
    const kube = await provider();
    const path = `/api/v1/namespaces/${ns}/configmaps/it`;
    const { id, outputs } = await kube.create(target("core/v1:ConfigMap"), configMap(ns, { a: "1", b: "1" }));
    await patch(path, { data: { theirs: "1" } });
    await kube.update(target("core/v1:ConfigMap", { id }), {}, outputs, configMap(ns, { a: "2" }));
    expect((await get(path)).data).toEqual({ a: "2", theirs: "1" });
  });

  it("takes back what kubectl changed, and leaves another controller's field with a clear error", async () => {
    const ns = await namespace();
    const kube = await provider();
    const path = `/api/v1/namespaces/${ns}/configmaps/it`;
    const { id, outputs } = await kube.create(target("core/v1:ConfigMap"), configMap(ns));
    await patch(path, { data: { a: "by hand" } }, "kubectl-edit");
    await kube.update(target("core/v1:ConfigMap", { id }), {}, outputs, configMap(ns, { a: "2" }));
    expect((await get(path)).data).toEqual({ a: "2" });
    await patch(path, { data: { a: "theirs" } }, "promotion-pipeline");
    await expect(
      kube.update(target("core/v1:ConfigMap", { id }), {}, outputs, configMap(ns, { a: "3" })),
    ).rejects.toThrow(/conflict with "promotion-pipeline".*\.data\.a\n.*patchForce/);
  });

  it("of a Secret drops the keys that are dropped", async () => {
    const ns = await namespace();
    const kube = await provider();
    const secret = (stringData: Properties): Properties => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "it", namespace: ns },
      stringData,
    });
    const { id, outputs } = await kube.create(target("core/v1:Secret"), secret({ a: "1", b: "2" }));
    await kube.update(target("core/v1:Secret", { id }), {}, outputs, secret({ a: "1" }));
    expect((await get(`/api/v1/namespaces/${ns}/secrets/it`)).data).toEqual({ a: "MQ==" });
  });
});

describe("a preview", () => {
  it("accepts what waits for its namespace or its kind, and refuses what the server would", async () => {
    const kube = await provider();
    const preview = { preview: true };
    expect((await kube.create(target("core/v1:ConfigMap", preview), configMap("not-there"))).outputs).toMatchObject({
      data: { a: "1" },
      metadata: { uid: unknown },
    });
    await expect(
      kube.create(target("core/v1:ConfigMap", preview), { ...configMap("default"), data: "none" }),
    ).rejects.toThrow(/^ConfigMap default\/it: /);
    const service: Properties = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "it", namespace: "default" },
      spec: { ports: [{ port: 0 }] },
    };
    await expect(kube.create(target("core/v1:Service", preview), service)).rejects.toThrow(
      /spec\.ports\[0\]\.port: Invalid value: 0/,
    );
    await expect(get("/api/v1/namespaces/default/configmaps/it")).rejects.toThrow("not found");
  });
});

describe("a refresh", () => {
  it("finds what has drifted, and what is gone", async () => {
    const ns = await namespace();
    const kube = await provider();
    const inputs = deployment(ns, 0);
    const { id, outputs } = await kube.create(target("apps/v1:Deployment"), inputs);
    expect((await kube.read(target("apps/v1:Deployment", { id }), inputs, outputs))?.inputs).toEqual(inputs);
    const path = `/apis/apps/v1/namespaces/${ns}/deployments/it`;
    await patch(path, { spec: { paused: true, replicas: 3 } });
    expect((await kube.read(target("apps/v1:Deployment", { id }), inputs, outputs))?.inputs).toEqual({
      ...inputs,
      spec: { ...record(inputs, "spec"), replicas: 3 },
    });
    await plane.client.request("DELETE", path);
    expect(await kube.read(target("apps/v1:Deployment", { id }), inputs, outputs)).toBeUndefined();
  });
});

describe("a delete", () => {
  it("waits until a namespace and all in it is gone; gone already is fine", async () => {
    const kube = await provider();
    const inputs = { apiVersion: "v1", kind: "Namespace", metadata: { name: "to-go" } };
    const { id, outputs } = await kube.create(target("core/v1:Namespace"), inputs);
    await kube.create(target("core/v1:ConfigMap"), configMap("to-go"));
    await kube.delete(target("core/v1:Namespace", { id, timeoutSeconds: 60 }), inputs, outputs);
    await expect(get("/api/v1/namespaces/to-go")).rejects.toThrow("not found");
    await kube.delete(target("core/v1:Namespace", { id }), inputs, outputs);
    await kube.delete(
      target("gone.example.test/v1:Thing", { id }),
      { apiVersion: "gone.example.test/v1", kind: "Thing" },
      {},
    );
  });

  it("names the finalizer that holds an object", async () => {
    const ns = await namespace();
    const kube = await provider();
    const inputs = { ...configMap(ns), metadata: { name: "it", namespace: ns, finalizers: ["example.test/hold"] } };
    const { id, outputs } = await kube.create(target("core/v1:ConfigMap"), inputs);
    await expect(kube.delete(target("core/v1:ConfigMap", { id, timeoutSeconds: 1 }), inputs, outputs)).rejects.toThrow(
      `ConfigMap ${ns}/it: it is still there after 1 s, held by finalizer example.test/hold`,
    );
    await patch(`/api/v1/namespaces/${ns}/configmaps/it`, { metadata: { finalizers: null } });
  });
});

describe("a cluster that isn't there", () => {
  const gone = JSON.stringify({
    "current-context": "gone",
    contexts: [{ name: "gone", context: { cluster: "gone" } }],
    clusters: [{ name: "gone", cluster: { server: "https://127.0.0.1:1" } }],
  });
  const id = "default/it";

  it("is named in the error", async () => {
    const kube = await provider({ kubeconfig: gone, context: "gone" });
    await expect(kube.create(target("core/v1:ConfigMap"), configMap("default"))).rejects.toThrow(
      'the cluster of context "gone" at https://127.0.0.1:1 can\'t be reached',
    );
    await expect(kube.delete(target("core/v1:ConfigMap", { id }), configMap("default"), {})).rejects.toThrow(
      "can't be reached",
    );
  });

  it("lets its objects go where the provider says so", async () => {
    const kube = await provider({ kubeconfig: gone, context: "gone", deleteUnreachable: "true" });
    await kube.delete(target("core/v1:ConfigMap", { id }), configMap("default"), {});
    expect(await kube.read(target("core/v1:ConfigMap", { id }), configMap("default"), {})).toBeUndefined();
  });
});

it("decodes YAML for ConfigFile", async () => {
  const { result } = await (await provider()).invoke("kubernetes:yaml:decode", { text: "kind: A\n---\nkind: B\n" });
  expect(records({ result }, "result").filter(isRecord)).toEqual([{ kind: "A" }, { kind: "B" }]);
});
