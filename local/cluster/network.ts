import { mkdirSync, rmSync } from "node:fs";
import { exec, succeeds } from "../../lib/exec";
import { mountPoints } from "./mounts";
import { type LocalNode, netnsPath, nodesCidr, podsCidr, processName } from "./nodes";
import { runningPid } from "./processes";

/** Addresses of Services. */
export const serviceCidr = "10.96.0.0/16";
/** Service address of the cluster's DNS. */
export const dnsIp = "10.96.0.10";
/** Service address of the in-cluster registry. */
export const registryIp = "10.96.0.50";

/** Interface of another node that leads to the first one. */
const uplink = "uplink";

/** Runs a command inside a node's network. */
const inNode = (node: LocalNode, command: string, ...args: string[]) =>
  exec("nsenter", [`--net=${netnsPath(node)}`, "--", command, ...args]);

/**
 * Creates the network namespace of each node with the node's address, and no interface that leads out of the cluster.
 * Every other node has a link to the first one, which forwards what is for a third.
 * The address is on the loopback device, since not every kernel has dummy devices. The route to the Services only makes
 * connections from the node to a Service address reach kube-proxy's rules.
 * @returns what was put right, a sentence each
 */
export async function ensureNetwork(nodes: LocalNode[]): Promise<string[]> {
  const [first, ...others] = nodes;
  const notices: string[] = [];
  for (const node of nodes) notices.push(...(await ensureNamespace(node)));
  for (const node of others) await ensureLink(first, node);
  return notices;
}

/**
 * The namespace lives as long as a process is in it, but its name can be deleted before. A new one of this name would
 * be empty, and nothing of the running cluster in it.
 */
async function ensureNamespace(node: LocalNode): Promise<string[]> {
  const notices: string[] = [];
  if (!networkExists(node)) {
    mkdirSync("/run/netns", { recursive: true });
    // An empty file is left where somebody has unmounted the namespace.
    rmSync(netnsPath(node), { force: true });
    const pid = inhabitants(node).map(runningPid).find(Boolean);
    if (pid) {
      await exec("ip", ["netns", "attach", node.netns, String(pid)]);
      notices.push(
        `The network namespace of the running node ${node.name} had lost its name ${node.netns}: it has it again.`,
      );
    } else await exec("ip", ["netns", "add", node.netns]);
  }
  await inNode(node, "ip", "link", "set", "lo", "up");
  await inNode(node, "ip", "address", "replace", `${node.ip}/32`, "dev", "lo");
  await inNode(node, "ip", "route", "replace", serviceCidr, "dev", "lo", "src", node.ip);
  await inNode(node, "sysctl", "-qw", "net.ipv4.ip_forward=1");
  return notices;
}

/** Names of processes that run in the network of a node. */
function inhabitants(node: LocalNode): string[] {
  const ofFirst = node.number === 1 ? ["kube-apiserver", "etcd", "forward-inside"] : [];
  return [...["kubelet", "containerd", "kube-proxy"].map((program) => processName(program, node)), ...ofFirst];
}

async function ensureLink(first: LocalNode, node: LocalNode): Promise<void> {
  const downlink = node.name;
  if (!(await succeeds("nsenter", [`--net=${netnsPath(node)}`, "--", "ip", "link", "show", uplink])))
    await inNode(first, "ip", "link", "add", downlink, "type", "veth", "peer", "name", uplink, "netns", node.netns);
  await inNode(first, "ip", "link", "set", downlink, "up");
  await inNode(first, "ip", "route", "replace", `${node.ip}/32`, "dev", downlink, "src", first.ip);
  await inNode(first, "ip", "route", "replace", node.podCidr, "via", node.ip, "dev", downlink, "src", first.ip);
  await inNode(node, "ip", "link", "set", uplink, "up");
  await inNode(node, "ip", "route", "replace", `${first.ip}/32`, "dev", uplink, "src", node.ip);
  for (const range of [nodesCidr, podsCidr])
    await inNode(node, "ip", "route", "replace", range, "via", first.ip, "dev", uplink, "src", node.ip);
  // A packet for a pod that is gone would otherwise go to the first node and back, until its hops run out.
  await inNode(node, "ip", "route", "replace", "unreachable", node.podCidr);
}

/** Removes the network namespaces of nodes with every interface and firewall rule in them. */
export async function removeNetwork(nodes: LocalNode[]): Promise<void> {
  for (const node of nodes) {
    if (networkExists(node)) await exec("ip", ["netns", "delete", node.netns]);
    rmSync(netnsPath(node), { force: true });
  }
}

/** Whether the node's network namespace has its name: a file of this name may be no namespace any more. */
const networkExists = (node: LocalNode): boolean => mountPoints().includes(netnsPath(node));
