import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { registryAddress, registryPort } from "../../images/catalogue";
import { kubeletPort, kubeProxyPort, mirrorPort } from "../../lib/local-ports";
import { stateDir } from "../../lib/paths";
import { mirrorAddress } from "../toolchain/third-party-images/mirror";
import { containerdFolder } from "./mounts";
import { dnsIp, registryIp } from "./network";
import { firstNode, type LocalNode, podsCidr } from "./nodes";
import { componentKubeconfig, pkiDir } from "./pki";

/** Image of the pods' sandbox in the mirror. */
const pauseImage = "pause:local";

const file = (node: LocalNode, name: string) => join(node.stateDir, "configuration", name);

/** What a node has in containerd's folder. */
export const containerdFiles = (node: LocalNode) => file(node, "containerd");

/** Configuration files of the components. */
export const configFiles = {
  containerd: (node: LocalNode) => join(containerdFiles(node), "config.toml"),
  kubelet: (node: LocalNode) => file(node, "kubelet.yaml"),
  kubeProxy: (node: LocalNode) => file(node, "kube-proxy.yaml"),
  mirror: () => file(firstNode(), "mirror.yaml"),
};

/** Writes the configuration of every component. The start restarts a component whose file has changed. */
export function writeConfiguration(nodes: LocalNode[]): void {
  write(configFiles.mirror(), dump(mirrorConfig()));
  for (const node of nodes) writeNodeConfiguration(node);
}

function writeNodeConfiguration(node: LocalNode): void {
  write(configFiles.containerd(node), containerdConfig(node));
  write(configFiles.kubelet(node), dump(kubeletConfig(node)));
  write(configFiles.kubeProxy(node), dump(kubeProxyConfig(node)));
  write(join(file(node, "cni"), "10-gourmetgram.conflist"), JSON.stringify(cniConfig(node), null, 2));
  const hosts = (registry: string) => join(containerdFiles(node), "certs.d", registry, "hosts.toml");
  write(hosts(mirrorAddress), plainHttpHost(`${firstNode().ip}:${mirrorPort}`));
  write(hosts(registryAddress), plainHttpHost(`${registryIp}:${registryPort}`));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function plainHttpHost(address: string): string {
  return `server = "http://${address}"\n\n[host."http://${address}"]\n  capabilities = ["pull", "resolve"]\n`;
}

function containerdConfig(node: LocalNode): string {
  return `version = 2
root = "${join(node.stateDir, "containerd")}"
state = "${join(node.runDir, "containerd")}"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper",
]

[grpc]
  address = "${node.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${mirrorAddress}/${pauseImage}"
  # Without CAP_SYS_RESOURCE the kernel refuses a score below containerd's own one, and no sandbox starts.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "${join(node.runDir, "runc")}"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${file(node, "cni")}"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${containerdFolder}/certs.d"
`;
}

/**
 * The same with both versions of cgroups. `singleProcessOOMKill` is left out: with version 2 the kernel then ends the
 * whole container when one of its processes needs too much memory, so that the resource gate sees it. With version 1 it
 * ends one process, and the app is one.
 */
export function kubeletConfig(node: LocalNode): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    port: kubeletPort,
    containerRuntimeEndpoint: `unix://${node.containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: node.cgroup,
    cgroupsPerQOS: true,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxPods: 110,
    serializeImagePulls: false,
    maxParallelImagePulls: 3,
    clusterDNS: [dnsIp],
    clusterDomain: "cluster.local",
    // The cluster cannot reach the outside, so it has no resolver but its own.
    resolvConf: "",
    podLogsDir: join(node.stateDir, "pod-logs"),
    volumePluginDir: join(node.stateDir, "kubelet-plugins"),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(pkiDir(), "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    healthzBindAddress: "127.0.0.1",
    // The disk belongs to the user: the kubelet removes no image and no pod because it fills up.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "nodefs.inodesFree": "1%",
      "imagefs.available": "1%",
    },
  };
}

export function kubeProxyConfig(node: LocalNode): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: componentKubeconfig("kube-proxy") },
    mode: "iptables",
    healthzBindAddress: `0.0.0.0:${kubeProxyPort}`,
    clusterCIDR: podsCidr,
    hostnameOverride: node.name,
    // These limits are those of the whole machine, not of the network namespace: leave them.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}

function mirrorConfig(): object {
  return {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(stateDir(), "mirror") }, delete: { enabled: true } },
    http: { addr: `0.0.0.0:${mirrorPort}` },
  };
}

/** Point-to-point links and routes: unlike with a bridge, every answer between two pods passes the node's rules. */
function cniConfig(node: LocalNode): object {
  return {
    cniVersion: "0.4.0",
    name: "gourmetgram",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: join(node.runDir, "cni"),
          ranges: [[{ subnet: node.podCidr }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}
