import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { netnsPath, nodeIp, registryIp } from "./cluster/network";
import { ensureProcess, processRuns, type ProcessSpec } from "./cluster/processes";
import { runDir, stateDir } from "./paths";

/** A port of 127.0.0.1 that leads into the cluster. */
export interface Forward {
  name: ForwardName;
  /** The port that it should have, 1 to 65535. */
  wanted: number;
  /** Where it leads to, inside the cluster's network. */
  target: { host: string; port: number };
}

/** What can be reached from outside. */
export type ForwardName = "api" | "staging" | "canary" | "production" | "mlflow" | "argoWorkflows" | "argoCd" | "registry" | "mirror";

const onNode = (name: ForwardName, port: number): Forward => ({ name, wanted: port, target: { host: nodeIp, port } });

/** Every forward; the Services behind those on the node's address have it as their external IP. */
export const forwards: Forward[] = [
  onNode("api", 6443),
  onNode("staging", 8081),
  onNode("canary", 8080),
  onNode("production", 80),
  onNode("mlflow", 8000),
  onNode("argoWorkflows", 2746),
  onNode("argoCd", 8082),
  { name: "registry", wanted: 5000, target: { host: registryIp, port: 5000 } },
  onNode("mirror", 5001),
];

/** The port of each forward. */
export type Ports = Record<ForwardName, number>;

const file = () => join(stateDir(), "forwards.json");

/** The ports of the running cluster, or undefined if it never ran. */
export function recordedPorts(): Ports | undefined {
  return existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Ports) : undefined;
}

/**
 * Starts the forwarders unless they run. Ports are chosen once and stay while the forwarders run; at each new start
 * the wanted ports are tried again.
 */
export async function ensureForwards(): Promise<Ports> {
  const recorded = recordedPorts();
  const ports = recorded && processRuns("forward-outside") ? recorded : await choosePorts(forwards, isFree);
  mkdirSync(join(runDir, "forward"), { recursive: true });
  writeFileSync(file(), `${JSON.stringify(ports, null, 2)}\n`);
  for (const spec of forwarders(ports)) await ensureProcess(spec);
  return ports;
}

/** Gives each forward its wanted port, or the first free one from 10000 above it. */
export async function choosePorts(list: Forward[], free: (port: number) => Promise<boolean>): Promise<Ports> {
  const chosen = new Map<ForwardName, number>();
  for (const { name, wanted } of list) {
    let port = wanted;
    for (; [...chosen.values()].includes(port) || !(await free(port)); port = port === wanted ? wanted + 10_000 : port + 1) {
      if (port >= wanted + 10_100) throw new Error(`No port is free for ${name} (${wanted}, ${wanted + 10_000} and the next 100): stop a program that holds one.`);
    }
    chosen.set(name, port);
  }
  return Object.fromEntries(chosen) as Ports;
}

/** One sentence for each port that another program holds. */
export function portNotices(ports: Ports): string[] {
  const moved = forwards.filter(({ name, wanted }) => ports[name] !== wanted);
  return moved.map(({ name, wanted }) => `Port ${wanted} is taken by another program: ${name} is at port ${ports[name]} instead (stop that program, then \`npm stop -- --keep-data\` and \`npm start\`, to have ${wanted}).`);
}

function forwarders(ports: Ports): ProcessSpec[] {
  const script = join(__dirname, "forward.mjs");
  const socket = (name: ForwardName) => ({ path: join(runDir, "forward", `${name}.sock`) });
  const inside = forwards.map(({ name, target }) => ({ listen: socket(name), connect: target }));
  const outside = forwards.map(({ name }) => ({ listen: { host: "127.0.0.1", port: ports[name] }, connect: socket(name) }));
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
