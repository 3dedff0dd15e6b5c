import { podsOf } from "../pods";
import type { Resource } from "../resource";

/** The only pod that may write to the nodes, and the folder that it writes to. `registry.configureNodes` creates it. */
const nodeConfiguration = { kind: "DaemonSet", name: "registry-nodes", folder: "/etc/containerd/certs.d/" };

/** No pod is privileged, uses the node's network or processes, or mounts a path of the node. */
export function hostIsolation(resource: Resource): string[] {
  return podsOf(resource).flatMap(({ title, spec, containers }) => {
    const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field]);
    const privileged = containers.filter(({ securityContext }) => securityContext?.privileged);
    const paths = (spec.volumes ?? []).flatMap(({ hostPath }) =>
      hostPath && !isNodeConfiguration(resource, hostPath.path) ? [hostPath.path] : [],
    );
    return [
      ...shared.map((field) => `${title} sets ${field}: remove it, and use a Service or a volume`),
      ...privileged.map(
        ({ name }) => `${title} runs its container ${name} privileged: remove securityContext.privileged`,
      ),
      ...paths.map(
        (path) => `${title} mounts ${path} of the node: use an emptyDir, a ConfigMap or a PersistentVolumeClaim`,
      ),
    ];
  });
}

function isNodeConfiguration({ name, object }: Resource, path: string): boolean {
  return (
    object.kind === nodeConfiguration.kind &&
    name === nodeConfiguration.name &&
    path.startsWith(nodeConfiguration.folder) &&
    !path.includes("..")
  );
}
