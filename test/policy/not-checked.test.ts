import { expect, it } from "vitest";
import { emptyInstallers, notChecked } from "../../policy/rules/not-checked";
import { pinned, resource, workflowTemplate, workload } from "./resources";

const review = "Review it yourself, or declare its objects in the program";
const judge = (judged: ReturnType<typeof resource>, type = "kubernetes:any:Thing") => notChecked({ type, ...judged });
const pod = { containers: [{ name: "c", image: pinned }] };

it.each(["v3", "v4"])("names a Helm Release, %s", (version) => {
  const release = { type: `kubernetes:helm.sh/${version}:Release`, name: "shop", object: { chart: "shop" } as any };
  expect(notChecked(release)).toEqual([
    `Release shop is not checked: Helm renders its objects in the cluster. ${review}`,
  ]);
});

it.each([
  ["HelmRelease", {}, "a controller renders its chart in the cluster"],
  ["Kustomization", { apiVersion: "kustomize.toolkit.fluxcd.io/v1" }, "a controller applies its files in the cluster"],
  ["Application", { spec: { source: { chart: "shop" } } }, "Argo CD renders its chart in the cluster"],
  ["Application", { spec: { sources: [{ path: "x", helm: {} }] } }, "Argo CD renders its chart in the cluster"],
  ["ClusterRole", { aggregationRule: {} }, "the cluster adds rules to it by their labels"],
  [
    "Rollout",
    { spec: { template: { spec: pod } } },
    "the policies do not know its kind, and spec.template.spec holds containers",
  ],
  [
    "PyTorchJob",
    { spec: { replicas: { Worker: { template: { spec: pod } } } } },
    "the policies do not know its kind, and spec.replicas.Worker.template.spec holds containers",
  ],
  [
    "List",
    { items: [{ kind: "Pod", spec: pod }] },
    "the policies do not know its kind, and items.0.spec holds containers",
  ],
])("names a %s: %j", (kind, fields, reason) =>
  expect(judge(resource(kind, fields))).toEqual([`${kind} thing is not checked: ${reason}. ${review}`]),
);

it("names a workflow that patches its pods", () => {
  const message = `WorkflowTemplate thing is not checked: its podSpecPatch changes its pods. ${review}`;
  expect(judge(workflowTemplate({ podSpecPatch: "hostNetwork: true" }))).toEqual([message]);
  expect(judge(workflowTemplate({ templates: [{ name: "step", podSpecPatch: "{}" }] }))).toEqual([message]);
});

it("names nothing that the policies judge, or that runs no pods", () => {
  expect(judge(workload("Deployment", pod))).toEqual([]);
  expect(judge(workflowTemplate())).toEqual([]);
  expect(judge(resource("Application", { spec: { source: { repoURL: "oci://x", kustomize: {} } } }))).toEqual([]);
  expect(judge(resource("Service", { spec: { ports: [] } }))).toEqual([]);
  expect(judge(resource("CustomResourceDefinition", { spec: { containers: [{ image: "x" }] } }))).toEqual([]);
  expect(judge(resource("ClusterRole", { rules: [] }))).toEqual([]);
  expect(notChecked({ type: "kubernetes:yaml:ConfigGroup", name: "group", object: {} as any })).toEqual([]);
});

it.each([
  "kubernetes:yaml:ConfigFile",
  "kubernetes:yaml/v2:ConfigGroup",
  "kubernetes:helm.sh/v4:Chart",
  "kubernetes:kustomize/v2:Directory",
])("names a %s only while it lists no objects", (type) => {
  const files = { type, name: "files", urn: "a" };
  const kind = type.split(":")[2];
  expect(emptyInstallers([files])).toEqual([
    { message: `${kind} files is not checked: it lists no objects yet. ${review}`, urn: "a" },
  ]);
  const child = { type: "kubernetes:apps/v1:Deployment", name: "child", urn: "b", parent: files };
  expect(emptyInstallers([files, child])).toEqual([]);
});
