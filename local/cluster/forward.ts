import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { runDir, stateDir } from "../../lib/paths";
import { netnsPath, nodeIp, registryIp } from "./network";
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
  const registry = { name: "registry", wanted: 5000, target: { host: registryIp, port: 5000 } };
  return [
    onNode("api", 6443),
    registry,
    onNode("mirror", 5001),
    ...Object.entries(exposed).map(([name, port]) => onNode(name, port)),
  ];
}

const file = () => join(stateDir(), "forwards.json");

/** The ports of the running cluster, or undefined if it never ran. */
export function recordedPorts(): Ports | undefined {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Ports) : undefined;
}

/**
 * Starts the forwarders unless they run. Ports are chosen once and stay while the forwarders run; at each new start
 * the wanted ports are tried again.
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

/** Gives each forward its wanted port, or the first free one from 20000 above it (not 10000: browsers refuse port 10080). */
export async function choosePorts(list: Forward[], free: (port: number) => Promise<boolean>): Promise<Ports> {
  const chosen = new Map<string, number>();
  for (const { name, wanted } of list) {
    let port = wanted;
    for (
      ;
      [...chosen.values()].includes(port) || !(await free(port));
      port = port === wanted ? wanted + 20_000 : port + 1
    ) {
      if (port >= wanted + 20_100)
        throw new Error(
          `No port is free for ${name} (${wanted}, ${wanted + 20_000} and the next 100): stop a program that holds one.`,
        );
    }
    chosen.set(name, port);
  }
  return Object.fromEntries(chosen);
}

/** One sentence for each port that another program holds, and what to do about it; empty if all is as wanted. */
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
