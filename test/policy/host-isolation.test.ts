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

it("lets it read containerd's configuration, and not change it", () => {
  const nodes = (...mounts: object[]) => {
    const containers = [{ name: "c", volumeMounts: mounts.map((mount) => ({ name: "v", ...mount })) }];
    const pod = { ...withPath("/etc/containerd"), containers };
    return hostIsolation(resource("DaemonSet", { spec: { template: { spec: pod } } }, "registry-nodes"));
  };
  expect(nodes({ readOnly: true })).toEqual([]);
  const violation =
    "DaemonSet registry-nodes mounts /etc/containerd of the node: " +
    "use an emptyDir, a ConfigMap or a PersistentVolumeClaim";
  expect(nodes({})).toEqual([violation]);
  expect(nodes({ readOnly: true }, { readOnly: false })).toEqual([violation]);
});

it.each(["SYS_ADMIN", "CAP_NET_ADMIN", "ALL"])("turns away the capability %s", (capability) => {
  const container = { name: "c", securityContext: { capabilities: { drop: ["ALL"], add: [capability] } } };
  const message = (title: string, name: string) =>
    `${title} gives its container ${name} the capability ${capability}: ` +
    "remove it from securityContext.capabilities.add";
  expect(hostIsolation(workload("Deployment", { containers: [container] }))).toEqual([
    message("Deployment thing", "c"),
  ]);
  const templates = [{ name: "step", container: {} }];
  expect(hostIsolation(workflowTemplate({ templates, templateDefaults: { container } }))).toEqual([
    message("WorkflowTemplate thing, template step,", "main"),
  ]);
});

it("lets a container bind a low port, as the restricted standard does", () => {
  const container = { name: "c", securityContext: { capabilities: { add: ["NET_BIND_SERVICE"] } } };
  expect(hostIsolation(workload("Deployment", { containers: [container] }))).toEqual([]);
});

it("turns away a port of the node, and processes of a Windows node", () => {
  const port = { name: "c", ports: [{ containerPort: 80 }, { containerPort: 80, hostPort: 8080 }] };
  expect(hostIsolation(workload("DaemonSet", { containers: [port] }))).toEqual([
    "DaemonSet thing opens port 8080 of the node for its container c: remove hostPort, and use a Service",
  ]);
  const windowsOptions = { hostProcess: true };
  const message = "Deployment thing runs processes of the node: remove windowsOptions.hostProcess";
  for (const pod of [
    { securityContext: { windowsOptions }, containers: [] },
    { containers: [{ name: "c", securityContext: { windowsOptions } }] },
  ])
    expect(hostIsolation(workload("Deployment", pod))).toEqual([message]);
});

it("turns away a privileged container of a pod template, and one for debugging", () => {
  const privileged = { name: "c", securityContext: { privileged: true } };
  const message = (kind: string) => `${kind} thing runs its container c privileged: remove securityContext.privileged`;
  expect(hostIsolation(resource("PodTemplate", { template: { spec: { containers: [privileged] } } }))).toEqual([
    message("PodTemplate"),
  ]);
  expect(hostIsolation(resource("Pod", { spec: { containers: [], ephemeralContainers: [privileged] } }))).toEqual([
    message("Pod"),
  ]);
});

it.each(["hostPath", "local"])("turns away a volume that is a folder of the node: %s", (field) => {
  expect(hostIsolation(resource("PersistentVolume", { spec: { [field]: { path: "/etc" } } }))).toEqual([
    "PersistentVolume thing is /etc of the node: use a storage class",
  ]);
  expect(hostIsolation(resource("PersistentVolume", { spec: { csi: { driver: "x" } } }))).toEqual([]);
});
