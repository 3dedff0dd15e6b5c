import { describe, expect, it } from "vitest";
import { differences, pathText } from "../../local/plugins/differences";
import { type DiffRules, diffInputs, diffSettings } from "../../local/plugins/kube-diff";
import { type Properties, unknown } from "../../local/plugins/values";

const rules: DiffRules = { configMapMutable: false, secretMutable: false, defaultNamespace: "default" };
const object = (apiVersion: string, kind: string, rest: Properties = {}): Properties => ({
  apiVersion,
  kind,
  metadata: { name: "a", namespace: "n" },
  ...rest,
});

function diff(olds: Properties, news: Properties, changed: Partial<DiffRules> = {}) {
  const { changes, deleteBeforeReplace } = diffInputs(olds, { metadata: { namespace: "n" } }, news, {
    ...rules,
    ...changed,
  });
  return {
    changes: Object.fromEntries(
      [...changes].map(([path, { kind, replace }]) => [path, replace ? `${kind}, replace` : kind]),
    ),
    deleteBeforeReplace,
  };
}

describe("differences", () => {
  it("names the smallest changed properties", () => {
    const before = { spec: { containers: [{ image: "a", args: ["1"] }], replicas: 1 }, data: { "a.yaml": "x" } };
    const after = { spec: { containers: [{ image: "b", args: ["1", "2"] }] }, data: { "a.yaml": "y" } };
    expect(differences(before, after).map(({ path, kind }) => `${kind} ${pathText(path)}`)).toEqual([
      "update spec.containers[0].image",
      "add spec.containers[0].args[1]",
      "delete spec.replicas",
      'update data["a.yaml"]',
    ]);
  });

  it("finds none between equal values, whatever their order", () => {
    expect(differences({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toEqual([]);
  });
});

describe("a change of an object", () => {
  it("of a limit is made in place", () => {
    const deployment = (memory: string) =>
      object("apps/v1", "Deployment", {
        spec: { template: { spec: { containers: [{ resources: { limits: { memory } } }] } } },
      });
    expect(diff(deployment("256Mi"), deployment("512Mi"))).toEqual({
      changes: { "spec.template.spec.containers[0].resources.limits.memory": "update" },
      deleteBeforeReplace: false,
    });
  });

  it("of its name makes a new object before the old one goes", () => {
    const renamed = { ...object("v1", "ServiceAccount"), metadata: { name: "b", namespace: "n" } };
    expect(diff(object("v1", "ServiceAccount"), renamed)).toEqual({
      changes: { "metadata.name": "update, replace" },
      deleteBeforeReplace: false,
    });
  });

  it("of its namespace replaces it, also where it is the default's that it was in", () => {
    const unnamed = { ...object("v1", "ServiceAccount"), metadata: { name: "a" } };
    expect(diff(unnamed, unnamed, { defaultNamespace: "n" }).changes).toEqual({});
    expect(diff(unnamed, unnamed, { defaultNamespace: "other" }).changes).toEqual({
      "metadata.namespace": "update, replace",
    });
    expect(diff(object("v1", "ServiceAccount"), unnamed, { defaultNamespace: "n" }).changes).toEqual({});
  });

  it.each<[string, Properties, Properties]>([
    [
      "a Job's template",
      object("batch/v1", "Job", { spec: { template: { a: 1 } } }),
      object("batch/v1", "Job", { spec: { template: { a: 2 } } }),
    ],
    [
      "a selector",
      object("apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "1" } } } }),
      object("apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "2" } } } }),
    ],
    [
      "a Service's address",
      object("v1", "Service", { spec: { clusterIP: "10.0.0.1" } }),
      object("v1", "Service", { spec: { clusterIP: "10.0.0.2" } }),
    ],
    [
      "a claim's class",
      object("v1", "PersistentVolumeClaim", { spec: { storageClassName: "a" } }),
      object("v1", "PersistentVolumeClaim", { spec: { storageClassName: "b" } }),
    ],
    [
      "a binding's role",
      object("rbac.authorization.k8s.io/v1", "RoleBinding", { roleRef: { name: "a" } }),
      object("rbac.authorization.k8s.io/v1", "RoleBinding", { roleRef: { name: "b" } }),
    ],
    [
      "a ConfigMap's data",
      object("v1", "ConfigMap", { data: { a: "1" } }),
      object("v1", "ConfigMap", { data: { a: "2" } }),
    ],
    ["a frozen ConfigMap", object("v1", "ConfigMap", { immutable: true }), object("v1", "ConfigMap", {})],
    [
      "a Secret's data",
      object("v1", "Secret", { stringData: { a: "1" } }),
      object("v1", "Secret", { stringData: { a: "2" } }),
    ],
    [
      "a Pod's command",
      object("v1", "Pod", { spec: { containers: [{ command: ["a"] }] } }),
      object("v1", "Pod", { spec: { containers: [{ command: ["b"] }] } }),
    ],
  ])("in %s deletes the old one first, as both bear one name", (_, olds, news) => {
    const { changes, deleteBeforeReplace } = diff(olds, news);
    expect(Object.values(changes)).toEqual([expect.stringContaining("replace")]);
    expect(deleteBeforeReplace).toBe(true);
  });

  it.each<[string, Properties, Properties, Partial<DiffRules>]>([
    [
      "a mutable ConfigMap's data",
      object("v1", "ConfigMap", { data: { a: "1" } }),
      object("v1", "ConfigMap", { data: { a: "2" } }),
      { configMapMutable: true },
    ],
    [
      "a mutable Secret's data",
      object("v1", "Secret", { data: { a: "1" } }),
      object("v1", "Secret", { data: { a: "2" } }),
      { secretMutable: true },
    ],
    [
      "a claim's size",
      object("v1", "PersistentVolumeClaim", { spec: { resources: { requests: { storage: "1Gi" } } } }),
      object("v1", "PersistentVolumeClaim", { spec: { resources: { requests: { storage: "2Gi" } } } }),
      {},
    ],
    [
      "a Job's time to live",
      object("batch/v1", "Job", { spec: { ttlSecondsAfterFinished: 1 } }),
      object("batch/v1", "Job", { spec: { ttlSecondsAfterFinished: 2 } }),
      {},
    ],
    [
      "a Pod's image",
      object("v1", "Pod", { spec: { containers: [{ image: "a" }] } }),
      object("v1", "Pod", { spec: { containers: [{ image: "b" }] } }),
      {},
    ],
    ["the version of its API", object("example.test/v1", "Dish"), object("example.test/v2", "Dish"), {}],
  ])("in %s is made in place", (_, olds, news, changed) => {
    expect(Object.values(diff(olds, news, changed).changes)).toEqual(["update"]);
  });

  it("to a value that isn't known yet counts as a change", () => {
    expect(
      diff(object("v1", "ConfigMap", { data: { a: "1" } }), object("v1", "ConfigMap", { data: { a: unknown } }), {
        configMapMutable: true,
      }).changes,
    ).toEqual({ "data.a": "update" });
  });
});

describe("a change of the provider", () => {
  const config = (server: string) =>
    JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "c" } }],
      clusters: [{ name: "c", cluster: { server } }],
    });
  const replaced = (olds: Properties, news: Properties) =>
    [...diffSettings(olds, news).changes.values()].some(({ replace }) => replace);

  it("to another server replaces it", () => {
    expect(replaced({ kubeconfig: config("https://a") }, { kubeconfig: config("https://b") })).toBe(true);
    expect(replaced({ kubeconfig: config("https://a") }, { kubeconfig: `${config("https://a")} ` })).toBe(false);
  });

  it("replaces it by the cluster's identifier alone, where it has one", () => {
    const settings = (server: string, clusterIdentifier: string) => ({ kubeconfig: config(server), clusterIdentifier });
    expect(replaced(settings("https://a", "1"), settings("https://b", "1"))).toBe(false);
    expect(replaced(settings("https://a", "1"), settings("https://a", "2"))).toBe(true);
  });
});
