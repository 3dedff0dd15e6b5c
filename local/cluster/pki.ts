import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { exec } from "../../lib/exec";
import { goModuleVersion } from "../../lib/go-module";
import { apiPort } from "../../lib/local-ports";
import { kubeconfigPath, localContext, stateDir, toolPath } from "../../lib/paths";
import { serviceCidr } from "./network";
import { firstNode, type LocalNode, podsCidr, processName } from "./nodes";

const dir = () => join(stateDir(), "kubernetes");

/** Directory of the certificates and keys. */
export const pkiDir = () => join(dir(), "pki");
/** Kubeconfig of a component, e.g. `scheduler`. */
export const componentKubeconfig = (component: string) => join(dir(), `${component}.conf`);
/** Kubeconfig of a node's kubelet. */
export const kubeletKubeconfig = (node: LocalNode) => componentKubeconfig(processName("kubelet", node));

/** How long every certificate is valid: a cluster whose data is kept must still start after a year. */
const validity = "87600h";

/** Creates the certificates and the components' kubeconfigs that do not exist yet, by kubeadm's own phases. */
export async function ensurePki(nodes: LocalNode[]): Promise<void> {
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
  for (const name of ["controller-manager", "scheduler", "super-admin"]) {
    if (!existsSync(componentKubeconfig(name)))
      await kubeadm("init", "phase", "kubeconfig", name, "--kubeconfig-dir", dir());
  }
  const ensureUser = async (path: string, user: string, group?: string) => {
    if (existsSync(path)) return;
    const flags = ["--client-name", user, ...(group ? ["--org", group] : []), "--validity-period", validity];
    writeFileSync(path, await kubeadm("kubeconfig", "user", ...flags), { mode: 0o600 });
  };
  await ensureUser(componentKubeconfig("kube-proxy"), "system:kube-proxy");
  // The name and the group by which the API server lets a kubelet read what is for its node, and nothing else.
  for (const node of nodes) await ensureUser(kubeletKubeconfig(node), `system:node:${node.name}`, "system:nodes");
}

/** Writes the administrator's kubeconfig, which reaches the API server from outside through the forward. */
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
  const node = firstNode();
  const documents = [
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "InitConfiguration",
      localAPIEndpoint: { advertiseAddress: node.ip, bindPort: apiPort },
      nodeRegistration: { name: node.name, criSocket: `unix://${node.containerdSocket}` },
    },
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "ClusterConfiguration",
      // If no version is stated, kubeadm asks the internet for the newest one.
      kubernetesVersion: goModuleVersion("shared", "k8s.io/kubernetes"),
      clusterName: localContext,
      certificatesDir: pkiDir(),
      certificateValidityPeriod: validity,
      networking: { podSubnet: podsCidr, serviceSubnet: serviceCidr },
      apiServer: { certSANs: ["127.0.0.1", "localhost"] },
    },
  ];
  return documents.map((document) => dump(document)).join("---\n");
}
