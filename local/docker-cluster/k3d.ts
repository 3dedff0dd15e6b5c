import { dump } from "js-yaml";
import type { Settings } from "../../config";
import { exposedPorts } from "../../config/exposed-ports";
import { registryAddress, registryPort } from "../../images/catalogue";
import { pinnedReference } from "../../images/digests";
import { listenAddress } from "./listen-address";
import { type ClusterConfig, clusterName, markLabel, markOf } from "./mark";

/** The node of a k3d cluster, of the Kubernetes release that the local cluster has. */
export const k3dNode = { repository: "docker.io/rancher/k3s", tag: "v1.34.9-k3s1" };

const servers = ["server:*"];

/**
 * Configuration of a k3d cluster for a stack: one server, which knows the pipeline's registry, and on this machine each
 * port that people open, which leads to k3s' own load balancer. Traefik is left out, since it would take port 80.
 * @throws if the Services of the stack are of another type, or if the address of the registry is not fixed
 */
export function k3dConfig(settings: Settings): ClusterConfig {
  const { exposure, registry } = settings;
  const otherwise = `or name the context of another cluster than k3d-${clusterName}`;
  if (exposure.type !== "LoadBalancer")
    throw new Error(
      `gourmetgram:exposure.type: write LoadBalancer, since k3s has a load balancer of its own, ${otherwise}.`,
    );
  if (!registry.clusterIp || registry.configureNodes)
    throw new Error(
      "gourmetgram:registry: write clusterIp, and no configureNodes, since k3s reads the address of the registry " +
        `when the cluster is made, ${otherwise}.`,
    );
  const mirrors = { [registryAddress]: { endpoint: [`http://${registry.clusterIp}:${registryPort}`] } };
  const address = listenAddress(exposure.host);
  const k3s = { extraArgs: [{ arg: "--disable=traefik", nodeFilters: servers }] };
  const config = {
    apiVersion: "k3d.io/v1alpha5",
    kind: "Simple",
    metadata: { name: clusterName },
    servers: 1,
    image: pinnedReference(k3dNode),
    ports: Object.values(exposedPorts(settings)).map((port) => ({
      port: `${address}:${port}:${port}`,
      nodeFilters: ["loadbalancer"],
    })),
    registries: { config: dump({ mirrors }) },
    options: { kubeconfig: { updateDefaultKubeconfig: true, switchCurrentContext: false }, k3s },
  };
  const mark = markOf(config);
  const nodeLabels = [{ label: `${markLabel}=${mark}`, nodeFilters: servers }];
  return { mark, file: { ...config, options: { ...config.options, k3s: { ...k3s, nodeLabels } } } };
}
