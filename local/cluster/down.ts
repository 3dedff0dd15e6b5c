import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { exec } from "../../lib/exec";
import { runDir, stateDir } from "../../lib/paths";
import { cgroupDirs, cgroupProcesses, removeCgroups } from "./cgroups";
import { mountPoints } from "./mounts";
import { removeNetwork } from "./network";
import { type LocalNode, localNodes, netnsPath, processName } from "./nodes";
import { processRuns, startedProcesses, stopProcess } from "./processes";
import { removeStateDirectory } from "./state-directory";

/**
 * Ends the pods, components, mounts, cgroups and network namespace of the cluster. Its data stays.
 * It can run again after an interruption. If nothing is left, it does nothing.
 */
export async function stopCluster(report: (step: string) => void): Promise<void> {
  // Whatever number of nodes is recorded: an interrupted start may have left one more.
  const nodes = localNodes();
  await stopNodes(nodes, report);
  // The reverse of the start: etcd ends last, after the API server that writes to it.
  const order = [
    "forward-outside",
    "forward-inside",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "mirror",
    "etcd",
  ];
  for (const name of [...order, ...startedProcesses().filter((other) => !order.includes(other))]) {
    report(name);
    await stopProcess(name);
  }
  report("network");
  await removeNetwork(nodes);
  removeTraces();
}

/** Ends the pods and the components of nodes, and removes their mounts and cgroups. Their networks stay. */
export async function stopNodes(nodes: LocalNode[], report: (step: string) => void): Promise<void> {
  const stopEach = async (program: string) => {
    report(program);
    for (const node of nodes) await stopProcess(processName(program, node));
  };
  // The kubelets end first, since they would start the pods again.
  await stopEach("kubelet");
  report("pods");
  await stopPods(nodes);
  await stopEach("containerd");
  await stopEach("kube-proxy");
  report("mounts");
  for (const mount of mounts(nodes).reverse()) await exec("umount", [mount]);
  report("cgroups");
  removeCgroups(nodes);
}

/** Removes the cluster's data; the cluster must be stopped. */
export function removeData(): void {
  const [mount] = mounts(localNodes());
  if (mount) throw new Error(`${mount} is still mounted: run \`npm stop\` again.`);
  removeStateDirectory();
}

/** What is left of the cluster, one line each. Empty after a stop. */
export async function leftovers(): Promise<string[]> {
  const nodes = localNodes();
  return [
    ...startedProcesses()
      .filter(processRuns)
      .map((name) => `process ${name}`),
    ...cgroupProcesses(nodes).map((pid) => `process ${pid} of a pod`),
    ...shims(nodes).map((pid) => `containerd shim ${pid}`),
    ...mounts(nodes).map((path) => `mount ${path}`),
    ...nodes
      .flatMap((node) => cgroupDirs(node))
      .filter(existsSync)
      .map((path) => `cgroup ${path}`),
    ...nodes
      .map(netnsPath)
      .filter(existsSync)
      .map((path) => `network namespace ${path}`),
    ...(existsSync(runDir) ? [`directory ${runDir}`] : []),
  ];
}

/** Gives the pods' processes ten seconds to end by themselves. Then containerd ends them. */
async function stopPods(nodes: LocalNode[]): Promise<void> {
  for (const pid of cgroupProcesses(nodes)) signal(pid, "SIGTERM");
  for (const end = Date.now() + 10_000; cgroupProcesses(nodes).length > 0 && Date.now() < end; ) await delay(100);
  for (const pid of cgroupProcesses(nodes)) signal(pid, "SIGKILL");
  for (const node of nodes) if (processRuns(processName("containerd", node))) await deleteTasks(node);
  for (const pid of shims(nodes)) signal(pid, "SIGKILL");
  while (cgroupProcesses(nodes).length + shims(nodes).length > 0) await delay(50);
}

/** Has a node's containerd end what it still runs, and then the shims. */
async function deleteTasks({ containerdSocket }: LocalNode): Promise<void> {
  const ctr = (...args: string[]) => exec("ctr", ["--address", containerdSocket, "--namespace", "k8s.io", ...args]);
  const tasks = (await ctr("tasks", "list", "--quiet")).split("\n").filter(Boolean);
  // A task may end by itself meanwhile, which is no failure.
  for (const task of tasks) await ctr("tasks", "delete", "--force", task).catch(() => "");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Shims of the nodes' containerd, known by the address of its socket. */
function shims(nodes: LocalNode[]): number[] {
  const isShim = (pid: string) => {
    const line = readOrEmpty(`/proc/${pid}/cmdline`);
    return line.includes("containerd-shim") && nodes.some(({ containerdSocket }) => line.includes(containerdSocket));
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isShim(name))
    .map(Number);
}

/** Mount points of the nodes, in the order in which they were mounted. */
function mounts(nodes: LocalNode[]): string[] {
  const dirs = nodes.flatMap((node) => [node.stateDir, node.runDir]);
  return mountPoints().filter((point) => dirs.some((dir) => point.startsWith(`${dir}/`)));
}

/** Removes what this cluster's kubelet, CNI and containerd wrote at fixed places outside the state directory. */
function removeTraces(): void {
  rmSync(runDir, { recursive: true, force: true });
  removeIn("/var/lib/cni/results", (path) => readOrEmpty(path).includes(`${runDir}/`));
  removeIn(
    "/var/log/containers",
    (path) => lstatSync(path).isSymbolicLink() && readlinkSync(path).startsWith(`${stateDir()}/`),
  );
  const maybeOurs = [
    "/var/lib/kubelet/device-plugins",
    "/var/log/containers",
    "/var/lib/cni/results",
    "/run/containerd/runc",
    "/run/containerd/s",
  ];
  for (const dir of maybeOurs.flatMap((path) => [path, dirname(path)])) {
    if (existsSync(dir) && readdirSync(dir).length === 0 && dir !== "/var/log") rmdirSync(dir);
  }
}

function removeIn(dir: string, ours: (path: string) => boolean): void {
  if (!existsSync(dir)) return;
  for (const path of readdirSync(dir).map((name) => join(dir, name))) if (ours(path)) rmSync(path);
}

/** A process may end between being listed and being read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
