import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { registryAddress, registryPort } from "../../images/catalogue";
import { runDir, stateDir } from "../../lib/paths";
import { mirrorAddress, mirrorPort } from "../toolchain/third-party-images/mirror";
import { cgroupRoot, isCgroupV2 } from "./cgroups";
import { dnsIp, nodeIp, podCidr, registryIp } from "./network";
import { componentKubeconfig, nodeName, pkiDir } from "./pki";

/** Socket of the cluster's own containerd. */
export const containerdSocket = join(runDir, "containerd.sock");
/** Image of the pods' sandbox in the mirror. */
const pauseImage = "pause:local";

const file = (name: string) => join(stateDir(), "configuration", name);

/** Configuration files of the components. */
export const configFiles = {
  containerd: () => file("containerd.toml"),
  kubelet: () => file("kubelet.yaml"),
  kubeProxy: () => file("kube-proxy.yaml"),
  mirror: () => file("mirror.yaml"),
};

/** Writes the configuration of every component. The start restarts a component whose file has changed. */
export function writeConfiguration(): void {
  write(configFiles.containerd(), containerdConfig());
  write(configFiles.kubelet(), dump(kubeletConfig()));
  write(configFiles.kubeProxy(), dump(kubeProxyConfig()));
  write(configFiles.mirror(), dump(mirrorConfig()));
  write(join(file("cni"), "10-gourmetgram.conflist"), JSON.stringify(cniConfig(), null, 2));
  write(join(file("registries"), mirrorAddress, "hosts.toml"), plainHttpHost(`${nodeIp}:${mirrorPort}`));
  write(join(file("registries"), registryAddress, "hosts.toml"), plainHttpHost(`${registryIp}:${registryPort}`));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function plainHttpHost(address: string): string {
  return `server = "http://${address}"\n\n[host."http://${address}"]\n  capabilities = ["pull", "resolve"]\n`;
}

function containerdConfig(): string {
  return `version = 2
root = "${join(stateDir(), "containerd")}"
state = "${join(runDir, "containerd")}"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper",
]

[grpc]
  address = "${containerdSocket}"

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
  Root = "${join(runDir, "runc")}"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${file("cni")}"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${file("registries")}"
`;
}

function kubeletConfig(): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot,
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
    podLogsDir: join(stateDir(), "pod-logs"),
    volumePluginDir: join(stateDir(), "kubelet-plugins"),
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
    // With cgroup version 2 the kernel would otherwise end a whole container for one of its processes.
    ...(isCgroupV2() ? { singleProcessOOMKill: false } : {}),
  };
}

function kubeProxyConfig(): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: componentKubeconfig("kube-proxy") },
    mode: "iptables",
    clusterCIDR: podCidr,
    hostnameOverride: nodeName,
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
function cniConfig(): object {
  return {
    cniVersion: "0.4.0",
    name: "gourmetgram",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: join(runDir, "cni"),
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}
