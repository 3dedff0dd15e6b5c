import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { exec } from "../../lib/exec";
import { kubeconfigPath, localContext, runDir, stateDir, toolPath } from "../../lib/paths";
import { nodeIp, podCidr, serviceCidr } from "./network";

/** Name of the single node. */
export const nodeName = "gourmetgram";
/** Port of the API server on the node. */
export const apiPort = 6443;

const dir = () => join(stateDir(), "kubernetes");

/** Directory of the certificates and keys. */
export const pkiDir = () => join(dir(), "pki");
/** Kubeconfig of a component, e.g. `scheduler`. */
export const componentKubeconfig = (component: string) => join(dir(), `${component}.conf`);

/** Creates the certificates and the components' kubeconfigs that are not there yet, by kubeadm's own phases. */
export async function ensurePki(): Promise<void> {
  mkdirSync(pkiDir(), { recursive: true, mode: 0o700 });
  const config = join(dir(), "kubeadm.yaml");
  writeFileSync(config, kubeadmConfig());
  const kubeadm = (...args: string[]) => exec(toolPath("kubeadm"), [...args, "--config", config]);
  // etcd listens on the loopback device of the cluster's own network namespace, without certificates.
  const certificates = ["ca", "apiserver", "apiserver-kubelet-client", "front-proxy-ca", "front-proxy-client"];
  for (const name of certificates)
    if (!existsSync(join(pkiDir(), `${name}.crt`))) await kubeadm("init", "phase", "certs", name);
  if (!existsSync(join(pkiDir(), "sa.key")))
    await exec(toolPath("kubeadm"), ["init", "phase", "certs", "sa", "--cert-dir", pkiDir()]);
  for (const name of ["controller-manager", "scheduler", "kubelet", "super-admin"]) {
    if (!existsSync(componentKubeconfig(name)))
      await kubeadm("init", "phase", "kubeconfig", name, "--kubeconfig-dir", dir());
  }
  if (!existsSync(componentKubeconfig("kube-proxy"))) {
    const text = await kubeadm("kubeconfig", "user", "--client-name", "system:kube-proxy");
    writeFileSync(componentKubeconfig("kube-proxy"), text, { mode: 0o600 });
  }
}

/** Writes the administrator's kubeconfig, which reaches the API server from outside by way of the forward. */
export function writeKubeconfig(port: number): void {
  const text = adminKubeconfig(readFileSync(componentKubeconfig("super-admin"), "utf8"), port);
  if (!existsSync(kubeconfigPath()) || readFileSync(kubeconfigPath(), "utf8") !== text)
    writeFileSync(kubeconfigPath(), text, { mode: 0o600 });
}

/** kubeadm's administrator kubeconfig with the local context's name and the forwarded address. */
export function adminKubeconfig(superAdmin: string, port: number): string {
  const source = load(superAdmin) as { clusters: { cluster: object }[]; users: { user: object }[] };
  return dump({
    apiVersion: "v1",
    kind: "Config",
    "current-context": localContext,
    clusters: [{ name: localContext, cluster: { ...source.clusters[0].cluster, server: `https://127.0.0.1:${port}` } }],
    users: [{ name: localContext, user: source.users[0].user }],
    contexts: [{ name: localContext, context: { cluster: localContext, user: localContext } }],
  });
}

function kubeadmConfig(): string {
  const documents = [
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "InitConfiguration",
      localAPIEndpoint: { advertiseAddress: nodeIp, bindPort: apiPort },
      nodeRegistration: { name: nodeName, criSocket: `unix://${join(runDir, "containerd.sock")}` },
    },
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "ClusterConfiguration",
      // Stated, because kubeadm would otherwise ask the internet for the newest.
      kubernetesVersion: "v1.34.4",
      clusterName: localContext,
      certificatesDir: pkiDir(),
      // A cluster whose data is kept must still start after a year.
      certificateValidityPeriod: "87600h",
      networking: { podSubnet: podCidr, serviceSubnet: serviceCidr },
      apiServer: { certSANs: ["127.0.0.1", "localhost"] },
    },
  ];
  return documents.map((document) => dump(document)).join("---\n");
}
