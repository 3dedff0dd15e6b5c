import { expect, it } from "vitest";
import { hostIsolation } from "../../policy/rules/host-isolation";
import { resource, workflowTemplate, workload } from "./resources";

const withPath = (path: string) => ({ containers: [], volumes: [{ name: "v", hostPath: { path } }] });
const certificates = "/etc/containerd/certs.d/registry.kube-system.svc.cluster.local:5000";

it("lets an ordinary pod through", () => {
  const pod = {
    hostNetwork: false,
    containers: [{ name: "c", securityContext: { privileged: false } }],
    volumes: [{ name: "v", emptyDir: {} }],
  };
  expect(hostIsolation(workload("Deployment", pod))).toEqual([]);
});

it.each(["hostNetwork", "hostPID", "hostIPC"])("turns away %s", (field) => {
  expect(hostIsolation(workload("Deployment", { [field]: true, containers: [] }))).toEqual([
    `Deployment thing sets ${field}: remove it, and use a Service or a volume`,
  ]);
});

it("turns away a privileged container, init containers among them", () => {
  const privileged = { name: "c", securityContext: { privileged: true } };
  const message = "Job thing runs its container c privileged: remove securityContext.privileged";
  expect(hostIsolation(workload("Job", { containers: [privileged] }))).toEqual([message]);
  expect(hostIsolation(workload("Job", { initContainers: [privileged], containers: [] }))).toEqual([message]);
});

it("turns away a path of the node, in workflows too", () => {
  const instead = "use an emptyDir, a ConfigMap or a PersistentVolumeClaim";
  expect(hostIsolation(workload("Deployment", withPath("/var/run")))).toEqual([
    `Deployment thing mounts /var/run of the node: ${instead}`,
  ]);
  expect(
    hostIsolation(workflowTemplate({ ...withPath("/a"), templates: [{ name: "step", ...withPath("/b") }] })),
  ).toEqual([
    `WorkflowTemplate thing, template step, mounts /a of the node: ${instead}`,
    `WorkflowTemplate thing, template step, mounts /b of the node: ${instead}`,
  ]);
});

it("lets the DaemonSet of registry.configureNodes write containerd's folder, and nothing else", () => {
  const nodes = (kind: string, path: string, name = "registry-nodes") =>
    hostIsolation(resource(kind, { spec: { template: { spec: withPath(path) } } }, name));
  expect(nodes("DaemonSet", certificates)).toEqual([]);
  const instead = "of the node: use an emptyDir, a ConfigMap or a PersistentVolumeClaim";
  expect(nodes("DaemonSet", "/etc")).toEqual([`DaemonSet registry-nodes mounts /etc ${instead}`]);
  expect(nodes("DaemonSet", "/etc/containerd/certs.d/../..")).toEqual([
    `DaemonSet registry-nodes mounts /etc/containerd/certs.d/../.. ${instead}`,
  ]);
  expect(nodes("Deployment", certificates)).toEqual([`Deployment registry-nodes mounts ${certificates} ${instead}`]);
  expect(nodes("DaemonSet", certificates, "other")).toEqual([`DaemonSet other mounts ${certificates} ${instead}`]);
});
