import { expect, it } from "vitest";
import { connection } from "../../local/plugins/kube-config";
import { expected, manifest, outputs, refreshedInputs, typeParts, withName } from "../../local/plugins/kube-objects";
import { secret } from "../../local/plugins/protocol";
import { unknown } from "../../local/plugins/values";

const seed = Buffer.from("seed");

it("names an object after its resource, and keeps the name", () => {
  const inputs = { kind: "ConfigMap", metadata: { labels: { a: "b" } } };
  const named = withName(inputs, {}, "settings", seed) as typeof inputs & {
    metadata: { name: string; annotations: object };
  };
  expect(named.metadata).toEqual({
    labels: { a: "b" },
    name: expect.stringMatching(/^settings-[0-9a-f]{8}$/),
    annotations: { "pulumi.com/autonamed": "true" },
  });
  expect(withName(inputs, named, "settings", Buffer.from("other"))).toEqual(named);
  expect(withName({ metadata: { name: "given" } }, named, "settings", seed)).toEqual({ metadata: { name: "given" } });
});

it("applies what was declared and the server doesn't write", () => {
  const definition = {
    kind: "Dish",
    metadata: { name: "a", creationTimestamp: null },
    spec: {},
    status: { phase: "Hot" },
  };
  expect(manifest(definition, "n")).toEqual({ kind: "Dish", metadata: { name: "a", namespace: "n" }, spec: {} });
  expect(manifest({ kind: "Secret", metadata: {}, data: { a: "MQ==" }, stringData: { b: "2" } }, undefined)).toEqual({
    kind: "Secret",
    metadata: {},
    data: { a: "MQ==", b: "Mg==" },
  });
});

it("records the object with its owner's name, and a Secret's data as secret", () => {
  expect(outputs({ kind: "Secret", metadata: { name: "a", managedFields: [{}] }, data: { a: "MQ==" } }, "me")).toEqual({
    kind: "Secret",
    metadata: { name: "a" },
    data: secret({ a: "MQ==" }),
    __fieldManager: "me",
  });
});

it("leaves unknown in a preview what the server makes up", () => {
  const inputs = { kind: "Service", metadata: { name: "a", namespace: "n" }, spec: { ports: [] } };
  const dryRun = {
    ...inputs,
    metadata: { ...inputs.metadata, uid: "not the real one" },
    spec: { ports: [], clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], type: "ClusterIP" },
  };
  expect(expected(inputs, dryRun)).toMatchObject({
    metadata: { name: "a", namespace: "n", uid: unknown },
    spec: { ports: [], clusterIP: unknown, clusterIPs: unknown, type: "ClusterIP" },
    status: unknown,
  });
});

it("refreshes only what has drifted, not what the server merely writes differently", () => {
  const inputs = { cpu: "1000m", memory: "256Mi", args: ["a"] };
  const applied = { cpu: "1", memory: "256Mi", args: ["a"], added: true };
  expect(refreshedInputs(inputs, { ...applied, memory: "1Gi" }, applied)).toEqual({
    cpu: "1000m",
    memory: "1Gi",
    args: ["a"],
  });
  expect(refreshedInputs(inputs, { cpu: "1", added: true, args: ["a"] }, applied)).toEqual({
    cpu: "1000m",
    args: ["a"],
  });
});

it("reads the kind out of a resource's type", () => {
  expect(typeParts("kubernetes:core/v1:ConfigMap")).toEqual({ apiVersion: "v1", kind: "ConfigMap" });
  expect(typeParts("kubernetes:argoproj.io/v1alpha1:Application")).toEqual({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
  });
});

it("finds the cluster in a kubeconfig, or says what is wrong with it", () => {
  const config = {
    "current-context": "c",
    contexts: [
      { name: "c", context: { cluster: "k", user: "u", namespace: "n" } },
      { name: "exec", context: { cluster: "k", user: "e" } },
    ],
    clusters: [
      {
        name: "k",
        cluster: {
          server: "https://192.0.2.1:6443/",
          "certificate-authority-data": Buffer.from("ca").toString("base64"),
        },
      },
    ],
    users: [
      { name: "u", user: { token: "t" } },
      { name: "e", user: { exec: { command: "login" } } },
    ],
  };
  const kubeconfig = JSON.stringify(config);
  expect(connection({ kubeconfig })).toMatchObject({
    server: "https://192.0.2.1:6443",
    context: "c",
    namespace: "n",
    token: "t",
    authority: Buffer.from("ca"),
  });
  expect(connection({ kubeconfig, namespace: "mine" }).namespace).toBe("mine");
  expect(() => connection({ kubeconfig, context: "d" })).toThrow('the kubeconfig has no context "d"; it has c, exec');
  expect(() => connection({ kubeconfig, context: "exec" })).toThrow('can\'t log in by "exec"');
  expect(() => connection({ kubeconfig: "/no/such/file" })).toThrow("there is no kubeconfig at /no/such/file");
});
