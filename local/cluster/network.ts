import { existsSync, mkdirSync } from "node:fs";
import { exec, succeeds } from "../../lib/exec";
import { firstNode, type LocalNode, netnsPath, nodesCidr, podsCidr } from "./nodes";

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
 */
export async function ensureNetwork(nodes: LocalNode[]): Promise<void> {
  const [first, ...others] = nodes;
  for (const node of nodes) await ensureNamespace(node);
  for (const node of others) await ensureLink(first, node);
}

async function ensureNamespace(node: LocalNode): Promise<void> {
  if (!existsSync(netnsPath(node))) {
    mkdirSync("/run/netns", { recursive: true });
    await exec("ip", ["netns", "add", node.netns]);
  }
  await inNode(node, "ip", "link", "set", "lo", "up");
  await inNode(node, "ip", "address", "replace", `${node.ip}/32`, "dev", "lo");
  await inNode(node, "ip", "route", "replace", serviceCidr, "dev", "lo", "src", node.ip);
  await inNode(node, "sysctl", "-qw", "net.ipv4.ip_forward=1");
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
  for (const node of nodes) if (await networkExists(node)) await exec("ip", ["netns", "delete", node.netns]);
}

/** Whether the node's network namespace exists. */
export async function networkExists(node = firstNode()): Promise<boolean> {
  return existsSync(netnsPath(node)) && (await succeeds("ip", ["netns", "pids", node.netns]));
}
