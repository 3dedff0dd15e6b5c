import type { Settings } from "../../config";
import { exposedPorts } from "../../config/exposed-ports";
import { pinnedReference } from "../../images/digests";
import { listenAddress } from "./listen-address";
import { type ClusterConfig, clusterName, markLabel, markOf } from "./mark";

/** The node of a kind cluster, of the Kubernetes release that the local cluster has. kind's release notes list it. */
export const kindNode = { repository: "docker.io/kindest/node", tag: "v1.34.8" };

/** The file says `version = 2`, in which containerd 2 too has its registries here. */
const containerdPatch = `[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
`;

/**
 * Configuration of a kind cluster for a stack: one node, whose containerd reads the `hosts.toml` of the pipeline's
 * registry, and on this machine each port that people open, which leads to its node port.
 * @throws if the Services of the stack have no node ports
 */
export function kindConfig(settings: Settings): ClusterConfig {
  const { exposure } = settings;
  if (exposure.type !== "NodePort" || !exposure.portsMapped)
    throw new Error(
      "gourmetgram:exposure: write type: NodePort and portsMapped: true, since kind leads ports of this machine to " +
        `node ports, or name the context of another cluster than kind-${clusterName}.`,
    );
  const mappings = Object.entries(exposedPorts(settings))
    // The environments of other stacks have their node ports there.
    .filter(([name]) => name in exposure.nodePorts)
    .map(([name, hostPort]) => ({
      containerPort: exposure.nodePorts[name],
      hostPort,
      listenAddress: listenAddress(exposure.host),
      protocol: "TCP",
    }));
  const node = { role: "control-plane", image: pinnedReference(kindNode), extraPortMappings: mappings };
  const config = {
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    name: clusterName,
    containerdConfigPatches: [containerdPatch],
    nodes: [node],
  };
  const mark = markOf(config);
  return { mark, file: { ...config, nodes: [{ ...node, labels: { [markLabel]: mark } }] } };
}
