import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { registryPort } from "../../images/catalogue";
import { runDir, stateDir } from "../../lib/paths";
import { mirrorPort } from "../toolchain/third-party-images/mirror";
import { netnsPath, nodeIp, registryIp } from "./network";
import { apiPort } from "./pki";
import { ensureProcess, type ProcessSpec, processRuns, stopProcess } from "./processes";

/** A port of 127.0.0.1 that leads into the cluster. */
export interface Forward {
  name: string;
  /** The port that it should have, 1 to 65535. */
  wanted: number;
  /** Where it leads to, inside the cluster's network. */
  target: { host: string; port: number };
}

/** The port of each forward. */
export type Ports = Record<string, number>;

const onNode = (name: string, port: number): Forward => ({ name, wanted: port, target: { host: nodeIp, port } });

/**
 * Every forward of the local cluster.
 * @param exposed ports of the environments and UIs, whose Services have the node's address as their external IP.
 */
export function localForwards(exposed: Ports): Forward[] {
  const registry = { name: "registry", wanted: registryPort, target: { host: registryIp, port: registryPort } };
  return [
    onNode("api", apiPort),
    registry,
    onNode("mirror", mirrorPort),
    ...Object.entries(exposed).map(([name, port]) => onNode(name, port)),
  ];
}

const file = () => join(stateDir(), "forwards.json");

/** The ports of the running cluster, or undefined if it never ran. */
export function recordedPorts(): Ports | undefined {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Ports) : undefined;
}

/**
 * Starts the forwarders unless they run. They keep their ports while they run. Each new start tries the wanted ports
 * again.
 */
export async function ensureForwards(list: Forward[]): Promise<Ports> {
  const recorded = recordedPorts();
  const same =
    recorded && processRuns("forward-outside") && Object.keys(recorded).join() === list.map(({ name }) => name).join();
  if (recorded && !same) await stopProcess("forward-outside");
  const ports = same ? recorded : await choosePorts(list, isFree);
  mkdirSync(join(runDir, "forward"), { recursive: true });
  writeFileSync(file(), `${JSON.stringify(ports, null, 2)}\n`);
  for (const spec of forwarders(list, ports)) await ensureProcess(spec);
  return ports;
}

/**
 * Gives each forward the port that it wants. If that is taken, it gives the first free one from 20000 above it.
 * It is not 10000 above, since browsers refuse port 10080.
 */
export async function choosePorts(list: Forward[], free: (port: number) => Promise<boolean>): Promise<Ports> {
  const chosen = new Map<string, number>();
  for (const { name, wanted } of list) {
    const taken = [...chosen.values()];
    chosen.set(name, await choosePort({ name, wanted }, async (port) => !taken.includes(port) && (await free(port))));
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
  const outside = list.map(({ name }) => ({ listen: { host: "127.0.0.1", port: ports[name] }, connect: socket(name) }));
  const spec = { command: process.execPath, reads: [script] };
  return [
    { ...spec, name: "forward-inside", args: [script, JSON.stringify(inside)], netns: netnsPath },
    { ...spec, name: "forward-outside", args: [script, JSON.stringify(outside)] },
  ];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}
