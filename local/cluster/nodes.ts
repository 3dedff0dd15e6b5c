import { existsSync } from "node:fs";
import { join } from "node:path";
import { instance, runDir, stateDir } from "../../lib/paths";
import { readWhole, writeWhole } from "../../lib/whole-file";

/** The most nodes that a local cluster can have. */
export const mostNodes = 3;

/** One node of the local cluster: its names, its addresses, and where it keeps what. */
export interface LocalNode {
  /** 1 to `mostNodes`. The first one runs the control plane too, and has the volumes. */
  number: number;
  name: string;
  ip: string;
  /** Addresses of its pods. */
  podCidr: string;
  /** Name of its network namespace. The control plane is in that of the first node. */
  netns: string;
  /** Directory of what it keeps between two starts. */
  stateDir: string;
  /** Directory of what lives only as long as its processes. */
  runDir: string;
  /** Socket of its containerd. */
  containerdSocket: string;
  /** The cgroup of its pods, in every hierarchy. */
  cgroup: string;
}

/** Addresses of nodes, and of pods. Each node has a part of the pods' addresses. */
export const nodesCidr = "10.200.0.0/24";
export const podsCidr = "10.244.0.0/16";

/** File of a network namespace, for `nsenter --net=`. */
export const netnsPath = ({ netns }: Pick<LocalNode, "netns">) => `/run/netns/${netns}`;

/** Name of one of the node's processes. Those of the first node have no number. */
export const processName = (program: string, { number }: Pick<LocalNode, "number">) =>
  number === 1 ? program : `${program}-${number}`;

/** The first nodes of the local cluster; all that it can have by default. */
export const localNodes = (count = mostNodes): LocalNode[] =>
  Array.from({ length: count }, (_, index) => localNode(index + 1));

/** The node with the control plane and the volumes. */
export const firstNode = (): LocalNode => localNode(1);

function localNode(number: number): LocalNode {
  const isFirst = number === 1;
  const name = isFirst ? "gourmetgram" : `gourmetgram-${number}`;
  const run = isFirst ? runDir : join(runDir, "nodes", name);
  return {
    number,
    name,
    ip: `10.200.0.${number}`,
    podCidr: `10.244.${(number - 1) * 64}.0/18`,
    netns: isFirst ? instance : `${instance}-node-${number}`,
    stateDir: isFirst ? stateDir() : join(stateDir(), "nodes", name),
    runDir: run,
    containerdSocket: join(run, "containerd.sock"),
    cgroup: isFirst ? `/${instance}` : `/${instance}/${name}`,
  };
}

const file = () => join(stateDir(), "nodes.json");

/** How many nodes the cluster has, whether it runs or not; 1 if it never ran. */
export function recordedNodeCount(): number {
  const recorded = readWhole(file());
  return typeof recorded === "number" ? recorded : 1 + localNodes().filter(isLaterWithData).length;
}

const isLaterWithData = ({ number, stateDir: directory }: LocalNode): boolean => number > 1 && existsSync(directory);

export function recordNodeCount(count: number): void {
  writeWhole(file(), `${count}\n`);
}

/**
 * Reads the number of nodes that a person asks for.
 * @returns undefined if nobody asks, which leaves the cluster's number as it is
 * @throws if it is not a whole number from 1 to `mostNodes`
 */
export function parseNodeCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= mostNodes) return count;
  throw new Error(`--nodes is "${text}": write a whole number from 1 to ${mostNodes}.`);
}
