import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { registryPort } from "../../images/catalogue";
import { listed } from "../../lib/listed";
import { apiPort, mirrorPort } from "../../lib/local-ports";
import { runDir, stateDir } from "../../lib/paths";
import { readWhole, writeWhole } from "../../lib/whole-file";
import { isWildcard, loopback, machineAddresses } from "./listen";
import { registryIp } from "./network";
import { firstNode, netnsPath } from "./nodes";
import { portHolders } from "./port-holders";
import { ensureProcess, type ProcessSpec, processRuns, stopProcess } from "./processes";

/** A port of this machine that leads into the cluster. */
export interface Forward {
  name: string;
  /** The port that it should have, 1 to 65535. */
  wanted: number;
  /** Where it leads to, inside the cluster's network. */
  target: { host: string; port: number };
  /** Addresses of this machine at which the port is open. */
  addresses: readonly string[];
}

/** The port of each forward. */
export type Ports = Record<string, number>;

/** Names of the two processes: one in the cluster's network, and one in that of this machine. */
const inside = "forward-inside";
const outside = "forward-outside";

const onNode = (name: string, port: number, addresses: readonly string[]): Forward => ({
  name,
  wanted: port,
  target: { host: firstNode().ip, port },
  addresses,
});

/** The ways to the cluster itself: the Kubernetes API, the registry and the mirror. They are for this machine alone. */
const clusterForwards = (): Forward[] => [
  onNode("api", apiPort, [loopback]),
  {
    name: "registry",
    wanted: registryPort,
    target: { host: registryIp, port: registryPort },
    addresses: [loopback],
  },
  onNode("mirror", mirrorPort, [loopback]),
];

/**
 * Every forward of the local cluster.
 * @param exposed ports of the environments and UIs, whose Services have the node's address as their external IP.
 * @param open addresses at which those named are open; default 127.0.0.1 for all
 */
export function localForwards(
  exposed: Ports,
  open: { names: readonly string[]; addresses: readonly string[] } = { names: [], addresses: [] },
): Forward[] {
  return [
    ...clusterForwards(),
    ...Object.entries(exposed).map(([name, port]) =>
      onNode(name, port, open.names.includes(name) ? open.addresses : [loopback]),
    ),
  ];
}

const file = () => join(stateDir(), "forwards.json");

interface RecordedForwards {
  ports: Ports;
  /** What was asked for. An earlier program recorded only the ports. */
  forwards: readonly Forward[];
}

function recordedForwards(): Partial<RecordedForwards> {
  return (readWhole(file()) as Partial<RecordedForwards> | undefined) ?? {};
}

/** The ports of the running cluster, or undefined if it never ran. */
export const recordedPorts = (): Ports | undefined => recordedForwards().ports;

/**
 * Makes sure that the cluster itself is reached, before the stack is updated. Ways to the environments and the pages
 * stay as they are: they follow the stack once it is updated, by {@link ensureForwards}. Where no forwarder runs, none
 * of them is opened.
 */
export async function ensureClusterForwards(): Promise<Ports> {
  const { ports, forwards } = recordedForwards();
  if (!processRuns(outside)) return ensureForwards(clusterForwards());
  if (forwards) return ensureForwards(forwards);
  return processRuns(inside) ? ports! : ensureForwards(clusterForwards());
}

/**
 * Starts the forwarders unless they run as they should. A forward that has not changed keeps its port while they run.
 * The others get theirs anew.
 */
export async function ensureForwards(list: readonly Forward[]): Promise<Ports> {
  const kept = keptPorts(list);
  const { ports: before } = recordedForwards();
  const isSame = isDeepStrictEqual(kept, before) && Object.keys(kept).length === list.length;
  if (!isSame) await stopProcess(outside);
  const ports = isSame ? kept : await choosePorts(list, isFree, kept);
  mkdirSync(join(runDir, "forward"), { recursive: true });
  writeWhole(file(), `${JSON.stringify({ ports, forwards: list }, null, 2)}\n`);
  for (const spec of forwarders(list, ports)) await ensureProcess(spec);
  return ports;
}

/** The ports that {@link ensureForwards} will give, unless another program takes one meanwhile. Nothing changes. */
export const plannedPorts = (list: readonly Forward[]): Promise<Ports> =>
  choosePorts(list, isFreeBesideOurs, keptPorts(list));

/** What is known of the ports before a start. */
export interface PortPlan {
  /** As {@link portNotices} says it, of ports that other programs hold. */
  notices: string[];
  /** Why there are no ports; undefined if there are. */
  error?: string;
  /** Ports that other machines will reach. */
  open: number[];
}

/** Looks whether the ports are free, beside those that the running forwarder holds itself. Nothing changes. */
export async function planPorts(list: readonly Forward[]): Promise<PortPlan> {
  try {
    const ports = await plannedPorts(list);
    const isOpen = ({ addresses }: Forward) => addresses.some((address) => address !== loopback);
    return { notices: portNotices(list, ports), open: list.filter(isOpen).map(({ name }) => ports[name]) };
  } catch (error) {
    return { notices: [], error: (error as Error).message, open: [] };
  }
}

/** Ports of the forwards that have not changed since the running forwarder was started. */
function keptPorts(list: readonly Forward[]): Ports {
  const { ports, forwards = clusterForwards() } = recordedForwards();
  if (!ports || !processRuns(outside)) return {};
  const isUnchanged = (wanted: Forward) => forwards.some((forward) => isDeepStrictEqual(forward, wanted));
  return Object.fromEntries(list.filter(isUnchanged).map(({ name }) => [name, ports[name]]));
}

/**
 * Gives each forward the port that it wants. If that is taken, it gives the first free one from 20000 above it, or
 * from 20000 below one over 45000. It is not 10000 above, since browsers refuse port 10080.
 * @param kept ports that some of them have already
 */
export async function choosePorts(
  list: readonly Forward[],
  free: (port: number, address: string) => Promise<boolean>,
  kept: Ports = {},
): Promise<Ports> {
  const chosen = new Map(Object.entries(kept));
  for (const { name, wanted, addresses } of list.filter((forward) => !chosen.has(forward.name))) {
    const isFreeAtAll = async (port: number): Promise<boolean> => {
      if ([...chosen.values()].includes(port)) return false;
      for (const address of addresses) if (!(await free(port, address))) return false;
      return true;
    };
    chosen.set(name, await choosePort({ name, wanted }, isFreeAtAll));
  }
  return Object.fromEntries(list.map(({ name }) => [name, chosen.get(name)!]));
}

async function choosePort(
  { name, wanted }: Pick<Forward, "name" | "wanted">,
  free: (port: number) => Promise<boolean>,
): Promise<number> {
  const first = wanted + (wanted > 45_000 ? -20_000 : 20_000);
  const last = first + 99;
  if (await free(wanted)) return wanted;
  for (let port = first; port <= last; port++) if (await free(port)) return port;
  throw new Error(`No port is free for ${name} (${wanted}, ${first} to ${last}): stop a program that holds one.`);
}

/** Names the ports that other programs hold, and says what to do about it. Empty if no port has moved. */
export function portNotices(list: readonly Forward[], ports: Ports, holdersOf = portHolders): string[] {
  const moved = list.filter(({ name, wanted }) => ports[name] !== wanted);
  if (moved.length === 0) return [];
  const holders = holdersOf(moved.map(({ wanted }) => wanted));
  const taken = describeTaken(
    moved.map(({ wanted }) => wanted),
    holders,
  );
  const instead = moved.map(({ name }, index) => `${name} is at ${index === 0 ? "port " : ""}${ports[name]}`);
  const isOne = moved.length === 1;
  const isOneProgram = taken.length === 1;
  return [
    `${isOne ? "Port" : "Ports"} ${listed(taken)} ${isOne ? "is" : "are"} taken, so ${listed(instead)}: ` +
      `stop ${isOneProgram ? "that program" : "those programs"}, then run npm stop -- --keep-data and npm start, ` +
      `or write ${isOne ? "another port" : "other ports"} in the stack file.`,
  ];
}

/** Each holder once, with all its ports. */
function describeTaken(ports: readonly number[], holders: ReadonlyMap<number, string>): string[] {
  const first = (port: number) => ports.find((other) => other === port || isHeldByOne(other, port))!;
  const isHeldByOne = (one: number, other: number) => holders.has(one) && holders.get(one) === holders.get(other);
  return [...new Set(ports.map(first))].map((port) => {
    const held = ports.filter((other) => first(other) === port).map(String);
    const all = ["", "both "][held.length - 1] ?? "all ";
    return `${listed(held)}${holders.has(port) ? ` (${all}${holders.get(port)})` : ""}`;
  });
}

function forwarders(list: readonly Forward[], ports: Ports): ProcessSpec[] {
  const script = join(__dirname, "forwarder.mjs");
  const socket = (name: string) => ({ path: join(runDir, "forward", `${name}.sock`) });
  const toCluster = list.map(({ name, target }) => ({ listen: socket(name), connect: target }));
  const toSockets = list.flatMap(({ name, addresses }) =>
    addresses.map((host) => ({ listen: { host, port: ports[name] }, connect: socket(name) })),
  );
  const spec = { command: process.execPath, reads: [script] };
  return [
    { ...spec, name: inside, args: [script, JSON.stringify(toCluster)], netns: netnsPath(firstNode()) },
    { ...spec, name: outside, args: [script, JSON.stringify(toSockets)] },
  ];
}

/** Whether a port is free once the running forwarder has given up its own. */
async function isFreeBesideOurs(port: number, address: string): Promise<boolean> {
  const ours = ownAddresses(port);
  if (ours.length === 0) return isFree(port, address);
  // No other program can have it at any address.
  if (ours.some(isWildcard)) return true;
  const others = (isWildcard(address) ? machineAddresses() : [address]).filter((other) => !ours.includes(other));
  for (const other of others) if (!(await isFree(port, other))) return false;
  return true;
}

/** Where the running forwarder listens at a port. */
function ownAddresses(port: number): readonly string[] {
  const { ports = {}, forwards = [] } = recordedForwards();
  if (!processRuns(outside)) return [];
  return forwards.flatMap(({ name, addresses }) => (ports[name] === port ? addresses : []));
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}
