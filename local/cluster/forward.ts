import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { registryPort } from "../../images/catalogue";
import { runDir, stateDir } from "../../lib/paths";
import { mirrorPort } from "../toolchain/third-party-images/mirror";
import { loopback } from "./listen";
import { registryIp } from "./network";
import { firstNode, netnsPath } from "./nodes";
import { apiPort } from "./pki";
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

const onNode = (name: string, port: number, addresses: readonly string[]): Forward => ({
  name,
  wanted: port,
  target: { host: firstNode().ip, port },
  addresses,
});

/**
 * Every forward of the local cluster. The Kubernetes API, the registry and the mirror are open to this machine alone.
 * @param exposed ports of the environments and UIs, whose Services have the node's address as their external IP.
 * @param open addresses at which those named are open; default 127.0.0.1 for all
 */
export function localForwards(
  exposed: Ports,
  open: { names: readonly string[]; addresses: readonly string[] } = { names: [], addresses: [] },
): Forward[] {
  const inside = [loopback];
  const registry = {
    name: "registry",
    wanted: registryPort,
    target: { host: registryIp, port: registryPort },
    addresses: inside,
  };
  return [
    onNode("api", apiPort, inside),
    registry,
    onNode("mirror", mirrorPort, inside),
    ...Object.entries(exposed).map(([name, port]) =>
      onNode(name, port, open.names.includes(name) ? open.addresses : inside),
    ),
  ];
}

const file = () => join(stateDir(), "forwards.json");

interface RecordedForwards {
  ports: Ports;
  /** Where each of them is open. */
  addresses: Record<string, readonly string[]>;
}

function recordedForwards(): Partial<RecordedForwards> {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Partial<RecordedForwards>) : {};
}

/** The ports of the running cluster, or undefined if it never ran. */
export const recordedPorts = (): Ports | undefined => recordedForwards().ports;

/**
 * Starts the forwarders unless they run. They keep their ports while they run and are open at the same addresses. Each
 * new start tries the wanted ports again.
 */
export async function ensureForwards(list: Forward[]): Promise<Ports> {
  const recorded = recordedForwards();
  const addresses = Object.fromEntries(list.map((forward) => [forward.name, forward.addresses]));
  const same = processRuns("forward-outside") && isDeepStrictEqual(recorded.addresses, addresses);
  if (!same) await stopProcess("forward-outside");
  const ports = same ? recorded.ports! : await choosePorts(list, isFree);
  mkdirSync(join(runDir, "forward"), { recursive: true });
  writeFileSync(file(), `${JSON.stringify({ ports, addresses }, null, 2)}\n`);
  for (const spec of forwarders(list, ports)) await ensureProcess(spec);
  return ports;
}

/**
 * Gives each forward the port that it wants. If that is taken, it gives the first free one from 20000 above it.
 * It is not 10000 above, since browsers refuse port 10080.
 */
export async function choosePorts(
  list: Forward[],
  free: (port: number, address: string) => Promise<boolean>,
): Promise<Ports> {
  const chosen = new Map<string, number>();
  for (const { name, wanted, addresses } of list) {
    const isFreeAtAll = async (port: number): Promise<boolean> => {
      if ([...chosen.values()].includes(port)) return false;
      for (const address of addresses) if (!(await free(port, address))) return false;
      return true;
    };
    chosen.set(name, await choosePort({ name, wanted }, isFreeAtAll));
  }
  return Object.fromEntries(chosen);
}

async function choosePort(
  { name, wanted }: Pick<Forward, "name" | "wanted">,
  free: (port: number) => Promise<boolean>,
): Promise<number> {
  const first = wanted + 20_000;
  const last = first + 99;
  if (await free(wanted)) return wanted;
  for (let port = first; port <= last; port++) if (await free(port)) return port;
  throw new Error(`No port is free for ${name} (${wanted}, ${first} to ${last}): stop a program that holds one.`);
}

/** One sentence for each port that another program holds, and what to do about it. Empty if no port has moved. */
export function portNotices(list: Forward[], ports: Ports): string[] {
  const moved = list.filter(({ name, wanted }) => ports[name] !== wanted);
  if (moved.length === 0) return [];
  const sentences = moved.map(
    ({ name, wanted }) => `Port ${wanted} is taken by another program: ${name} is at port ${ports[name]} instead.`,
  );
  return [...sentences, "For the usual ports stop that program, then run npm stop -- --keep-data and npm start."];
}

function forwarders(list: Forward[], ports: Ports): ProcessSpec[] {
  const script = join(__dirname, "forwarder.mjs");
  const socket = (name: string) => ({ path: join(runDir, "forward", `${name}.sock`) });
  const inside = list.map(({ name, target }) => ({ listen: socket(name), connect: target }));
  const outside = list.flatMap(({ name, addresses }) =>
    addresses.map((host) => ({ listen: { host, port: ports[name] }, connect: socket(name) })),
  );
  const spec = { command: process.execPath, reads: [script] };
  return [
    { ...spec, name: "forward-inside", args: [script, JSON.stringify(inside)], netns: netnsPath(firstNode()) },
    { ...spec, name: "forward-outside", args: [script, JSON.stringify(outside)] },
  ];
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}
