import { join } from "node:path";
import { apiPort } from "../../lib/local-ports";
import { stateDir, toolPath } from "../../lib/paths";
import { configFiles } from "./configuration";
import { mountNamespace } from "./mounts";
import { serviceCidr } from "./network";
import { firstNode, type LocalNode, netnsPath, processName } from "./nodes";
import { componentKubeconfig, kubeletKubeconfig, pkiDir } from "./pki";
import type { ProcessSpec } from "./processes";

/** The processes of the cluster, in the order in which they start: the kubelets need containerd and the API server. */
export function components(nodes: LocalNode[]): ProcessSpec[] {
  return [...nodes.map(containerd), ...controlPlane(), ...nodes.flatMap((node) => [kubelet(node), kubeProxy(node)])];
}

/** The control plane and the mirror of third-party images, which run on the first node. */
function controlPlane(): ProcessSpec[] {
  const node = firstNode();
  const pki = (name: string) => join(pkiDir(), name);
  const specs: Omit<ProcessSpec, "netns">[] = [
    {
      name: "etcd",
      command: "etcd",
      args: flags({
        "data-dir": join(stateDir(), "etcd"),
        "listen-client-urls": "http://127.0.0.1:2379",
        "advertise-client-urls": "http://127.0.0.1:2379",
        "listen-peer-urls": "http://127.0.0.1:2380",
        "quota-backend-bytes": 8 * 1024 ** 3,
        "auto-compaction-retention": 1,
        // On a busy disk the defaults (100 ms, 1 s) would start elections for no reason.
        "heartbeat-interval": 500,
        "election-timeout": 5000,
        logger: "zap",
      }),
    },
    {
      name: "mirror",
      command: "docker-registry",
      args: ["serve", configFiles.mirror()],
      reads: [configFiles.mirror()],
    },
    {
      name: "kube-apiserver",
      command: toolPath("kube-apiserver"),
      args: flags({
        "advertise-address": node.ip,
        "secure-port": apiPort,
        "etcd-servers": "http://127.0.0.1:2379",
        "service-cluster-ip-range": serviceCidr,
        "allow-privileged": true,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "client-ca-file": pki("ca.crt"),
        "tls-cert-file": pki("apiserver.crt"),
        "tls-private-key-file": pki("apiserver.key"),
        "kubelet-client-certificate": pki("apiserver-kubelet-client.crt"),
        "kubelet-client-key": pki("apiserver-kubelet-client.key"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki("sa.pub"),
        "service-account-signing-key-file": pki("sa.key"),
        "proxy-client-cert-file": pki("front-proxy-client.crt"),
        "proxy-client-key-file": pki("front-proxy-client.key"),
        "requestheader-client-ca-file": pki("front-proxy-ca.crt"),
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        // Argo's controller opens its watch without a resourceVersion. Kubernetes 1.34 turns that into a list by watch,
        // which etcd 3.4 cannot serve. The controller would then see a new Workflow only at its next list, up to a
        // minute later.
        "feature-gates": "WatchList=false",
      }),
    },
    {
      name: "kube-controller-manager",
      command: toolPath("kube-controller-manager"),
      args: flags({
        kubeconfig: componentKubeconfig("controller-manager"),
        "bind-address": "127.0.0.1",
        "leader-elect": false,
        "use-service-account-credentials": true,
        "service-account-private-key-file": pki("sa.key"),
        "root-ca-file": pki("ca.crt"),
        "cluster-signing-cert-file": pki("ca.crt"),
        "cluster-signing-key-file": pki("ca.key"),
      }),
    },
    {
      name: "kube-scheduler",
      command: toolPath("kube-scheduler"),
      args: flags({ kubeconfig: componentKubeconfig("scheduler"), "bind-address": "127.0.0.1", "leader-elect": false }),
    },
  ];
  return specs.map((spec) => ({ ...spec, netns: netnsPath(node) }));
}

const containerd = (node: LocalNode): ProcessSpec => ({
  name: processName("containerd", node),
  netns: netnsPath(node),
  mountNamespace: mountNamespace(node),
  command: "containerd",
  args: ["--config", configFiles.containerd(node)],
  reads: [configFiles.containerd(node)],
});

const kubelet = (node: LocalNode): ProcessSpec => ({
  name: processName("kubelet", node),
  netns: netnsPath(node),
  // That of containerd, which uses what the kubelet mounts.
  mountNamespace: mountNamespace(node),
  command: toolPath("kubelet"),
  args: flags({
    config: configFiles.kubelet(node),
    kubeconfig: kubeletKubeconfig(node),
    "root-dir": join(node.stateDir, "kubelet"),
    "cert-dir": join(node.stateDir, "kubelet", "pki"),
    "hostname-override": node.name,
    "node-ip": node.ip,
  }),
  reads: [configFiles.kubelet(node)],
});

const kubeProxy = (node: LocalNode): ProcessSpec => ({
  name: processName("kube-proxy", node),
  netns: netnsPath(node),
  command: toolPath("kube-proxy"),
  args: flags({ config: configFiles.kubeProxy(node) }),
  reads: [configFiles.kubeProxy(node)],
});

function flags(values: Record<string, string | number | boolean>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
