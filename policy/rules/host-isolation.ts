import { podsOf } from "../pods";
import { type Resource, titleOf } from "../resource";

/** The only pod with paths of the nodes: where it may write, and read. `registry.configureNodes` creates it. */
const nodeConfiguration = {
  kind: "DaemonSet",
  name: "registry-nodes",
  writes: "/etc/containerd/certs.d/",
  reads: "/etc/containerd",
};

/** The only capability that the restricted pod security standard lets a container add. */
const allowedCapability = "NET_BIND_SERVICE";

/** No pod is privileged, uses the node's network, processes or capabilities, or mounts a path of the node. */
export function hostIsolation(resource: Resource): string[] {
  return [...volumeOfNode(resource), ...podsOnNode(resource)];
}

/** A PersistentVolume that is a folder of the node lets any pod that claims it mount the folder. */
function volumeOfNode(resource: Resource): string[] {
  const { kind, spec } = resource.object;
  if (kind !== "PersistentVolume") return [];
  const path = (spec?.hostPath ?? spec?.local)?.path;
  return path ? [`${titleOf(resource)} is ${path} of the node: use a storage class`] : [];
}

function podsOnNode(resource: Resource): string[] {
  return podsOf(resource).flatMap(({ title, spec, containers }) => {
    const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field]);
    const privileged = containers.filter(({ securityContext }) => securityContext?.privileged);
    const added = containers.flatMap(({ name, securityContext }) =>
      (securityContext?.capabilities?.add ?? [])
        .filter((capability) => capability.replace(/^CAP_/, "") !== allowedCapability)
        .map((capability) => ({ name, capability })),
    );
    const ports = containers.flatMap(({ name, ports: all = [] }) =>
      all.flatMap(({ hostPort }) => (hostPort ? [{ name, hostPort }] : [])),
    );
    const hostProcesses = [spec, ...containers].some((part) => part.securityContext?.windowsOptions?.hostProcess);
    const isReadOnly = (volume: string) =>
      containers
        .flatMap(({ volumeMounts = [] }) => volumeMounts.filter(({ name }) => name === volume))
        .every(({ readOnly }) => readOnly === true);
    const paths = (spec.volumes ?? []).flatMap(({ name, hostPath }) =>
      hostPath && !isNodeConfiguration(resource, hostPath.path, isReadOnly(name)) ? [hostPath.path] : [],
    );
    return [
      ...shared.map((field) => `${title} sets ${field}: remove it, and use a Service or a volume`),
      ...privileged.map(
        ({ name }) => `${title} runs its container ${name} privileged: remove securityContext.privileged`,
      ),
      ...added.map(
        ({ name, capability }) =>
          `${title} gives its container ${name} the capability ${capability}: ` +
          "remove it from securityContext.capabilities.add",
      ),
      ...ports.map(
        ({ name, hostPort }) =>
          `${title} opens port ${hostPort} of the node for its container ${name}: remove hostPort, and use a Service`,
      ),
      ...(hostProcesses ? [`${title} runs processes of the node: remove windowsOptions.hostProcess`] : []),
      ...paths.map(
        (path) => `${title} mounts ${path} of the node: use an emptyDir, a ConfigMap or a PersistentVolumeClaim`,
      ),
    ];
  });
}

function isNodeConfiguration({ name, object }: Resource, path: string, isReadOnly: boolean): boolean {
  const { kind, name: allowedName, writes, reads } = nodeConfiguration;
  if (object.kind !== kind || name !== allowedName) return false;
  return (path.startsWith(writes) && !path.includes("..")) || (path === reads && isReadOnly);
}
