import { existsSync, mkdirSync } from "node:fs";
import { exec, succeeds } from "../../lib/exec";
import { instance } from "../../lib/paths";

/** File of the network namespace that the cluster has to itself, for `nsenter --net=`. */
export const netnsPath = `/run/netns/${instance}`;
/** Address of the single node. */
export const nodeIp = "10.200.0.1";
/** Addresses of pods. */
export const podCidr = "10.244.0.0/16";
/** Addresses of Services. */
export const serviceCidr = "10.96.0.0/16";
/** Service address of the cluster's DNS. */
export const dnsIp = "10.96.0.10";
/** Service address of the in-cluster registry. */
export const registryIp = "10.96.0.50";

/** Runs a command inside the cluster's network. */
export const inCluster = (command: string, ...args: string[]) =>
  exec("nsenter", [`--net=${netnsPath}`, "--", command, ...args]);

/**
 * Creates the cluster's network namespace with the node's address, and no interface that leads out of it.
 * The address sits on the loopback device, as not every kernel has dummy devices. The route to the Services is
 * there only so that a connection from the node to a Service address gets as far as kube-proxy's rules.
 */
export async function ensureNetwork(): Promise<void> {
  if (!existsSync(netnsPath)) {
    mkdirSync("/run/netns", { recursive: true });
    await exec("ip", ["netns", "add", instance]);
  }
  await inCluster("ip", "link", "set", "lo", "up");
  await inCluster("ip", "address", "replace", `${nodeIp}/32`, "dev", "lo");
  await inCluster("ip", "route", "replace", serviceCidr, "dev", "lo", "src", nodeIp);
  await inCluster("sysctl", "-qw", "net.ipv4.ip_forward=1");
}

/** Removes the network namespace, and with it every interface and firewall rule of the cluster. */
export async function removeNetwork(): Promise<void> {
  if (await networkExists()) await exec("ip", ["netns", "delete", instance]);
}

/** Whether the network namespace is there. */
export async function networkExists(): Promise<boolean> {
  return existsSync(netnsPath) && (await succeeds("ip", ["netns", "pids", instance]));
}
