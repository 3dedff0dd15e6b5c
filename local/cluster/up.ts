import { mkdirSync } from "node:fs";
import { runDir, stateDir } from "../../lib/paths";
import { ensureCgroups } from "./cgroups";
import { components } from "./components";
import { containerdFiles, writeConfiguration } from "./configuration";
import { dnsObjects } from "./dns";
import { ensureClusterForwards, type Ports } from "./forward";
import { apply, kubectl } from "./kubectl";
import { ensureMounts } from "./mounts";
import { ensureNetwork } from "./network";
import { type LocalNode, localNodes, recordedNodeCount, recordNodeCount } from "./nodes";
import { ensurePki, writeKubeconfig } from "./pki";
import { ensureProcess, waitUntil } from "./processes";
import { removeNode } from "./remove-node";
import { ensureVolumes } from "./volumes";

/** Reports the current step in a few words. */
export type Report = (step: string) => void;

/**
 * Starts the cluster's control plane, nodes and mirror registry, unless they run. `startDns` starts the cluster's DNS
 * later, since its image must be in the mirror first. Nodes that are too many are drained and removed.
 * @param count number of nodes
 * @returns the ports at which the cluster itself is reached, and what was put right, a sentence each
 */
export async function startCluster(count: number, report: Report): Promise<{ ports: Ports; notices: string[] }> {
  mkdirSync(stateDir(), { recursive: true, mode: 0o711 });
  mkdirSync(runDir, { recursive: true });
  const recorded = recordedNodeCount();
  // Before the first trace of a new node, and after the last one of a node that goes.
  if (count > recorded) recordNodeCount(count);
  const nodes = localNodes(count);
  report("network");
  const notices = await ensureNetwork(nodes);
  for (const node of nodes) ensureCgroups(node);
  report("certificates");
  await ensurePki(nodes);
  writeConfiguration(nodes);
  for (const node of nodes) await ensureMounts(node, containerdFiles(node));
  const ports = await ensureClusterForwards();
  writeKubeconfig(ports.api);
  const names: string[] = [];
  for (const spec of components(nodes)) {
    report(spec.name);
    await ensureProcess(spec);
    names.push(spec.name);
    // The controller manager gives up if the API server does not know its rights within ten seconds.
    if (spec.name === "kube-apiserver") await waitForApi(names);
  }
  for (const node of nodes) {
    report(`node ${node.name}`);
    await waitUntil(`the node ${node.name}`, () => isReady(node), { seconds: 120, watch: names });
  }
  await apply([kubeletAccess]);
  for (const node of localNodes(recorded).slice(count).reverse()) await removeNode(node, report);
  recordNodeCount(count);
  const kept = await ensureVolumes();
  return { ports, notices: [...notices, ...kept] };
}

/** Lets the API server ask the kubelet for logs and `kubectl exec`, by the name in its certificate. */
const kubeletAccess = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "gourmetgram-local:kubelet-access" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:kubelet-api-admin" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "kube-apiserver-kubelet-client" }],
};

/**
 * Starts the cluster's DNS and waits until it answers. The images `pause` and `coredns` must be in the mirror.
 * @param digest of CoreDNS's image
 */
export async function startDns(digest: string): Promise<void> {
  await apply(dnsObjects(digest));
  await kubectl("rollout", "status", "deployment/coredns", "--namespace", "kube-system", "--timeout=180s");
}

async function waitForApi(watch: string[]): Promise<void> {
  const ready = () =>
    kubectl("get", "--raw=/readyz").then(
      (text) => text === "ok",
      () => false,
    );
  await waitUntil("the API server", ready, { seconds: 120, watch });
}

async function isReady({ name }: LocalNode): Promise<boolean> {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  const status = await kubectl("get", "node", name, "-o", `jsonpath=${path}`).catch(() => "");
  return status === "True";
}
