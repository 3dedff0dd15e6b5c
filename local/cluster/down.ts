import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { exec } from "../../lib/exec";
import { runDir, stateDir } from "../../lib/paths";
import { cgroupDirs, cgroupProcesses, removeCgroups } from "./cgroups";
import { containerdSocket } from "./configuration";
import { netnsPath, networkExists, removeNetwork } from "./network";
import { processRuns, startedProcesses, stopProcess } from "./processes";

/**
 * Ends everything of the cluster that runs: pods, components, mounts, cgroups, the network namespace. Its data stays.
 * It can be run again after an interruption, and does nothing where there is nothing.
 */
export async function stopCluster(report: (step: string) => void): Promise<void> {
  report("kubelet");
  // First the one that would start pods again.
  await stopProcess("kubelet");
  report("pods");
  await stopPods();
  // The reverse of the start: etcd is the last to go, after the API server that writes to it.
  const order = [
    "forward-outside",
    "forward-inside",
    "containerd",
    "kube-proxy",
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
  report("mounts");
  for (const mount of mounts().reverse()) await exec("umount", [mount]);
  report("cgroups");
  removeCgroups();
  report("network");
  await removeNetwork();
  removeTraces();
}

/** Removes the cluster's data; the cluster must be stopped. */
export function removeData(): void {
  if (mounts().length > 0) throw new Error(`${mounts()[0]} is still mounted: run \`npm stop\` again.`);
  rmSync(stateDir(), { recursive: true, force: true });
}

/** What of the cluster is still there, one line each; empty after a stop. */
export async function leftovers(): Promise<string[]> {
  return [
    ...startedProcesses()
      .filter(processRuns)
      .map((name) => `process ${name}`),
    ...cgroupProcesses().map((pid) => `process ${pid} of a pod`),
    ...shims().map((pid) => `containerd shim ${pid}`),
    ...mounts().map((path) => `mount ${path}`),
    ...cgroupDirs()
      .filter(existsSync)
      .map((path) => `cgroup ${path}`),
    ...((await networkExists()) || existsSync(netnsPath) ? [`network namespace ${netnsPath}`] : []),
    ...(existsSync(runDir) ? [`directory ${runDir}`] : []),
  ];
}

/** Gives the pods' processes ten seconds to end by themselves, then has containerd end them. */
async function stopPods(): Promise<void> {
  for (const pid of cgroupProcesses()) signal(pid, "SIGTERM");
  for (const end = Date.now() + 10_000; cgroupProcesses().length > 0 && Date.now() < end; ) await delay(100);
  for (const pid of cgroupProcesses()) signal(pid, "SIGKILL");
  if (processRuns("containerd")) {
    const ctr = (...args: string[]) => exec("ctr", ["--address", containerdSocket, "--namespace", "k8s.io", ...args]);
    const tasks = (await ctr("tasks", "list", "--quiet")).split("\n").filter(Boolean);
    // containerd itself ends the shims then; one whose task went by itself meanwhile is not a failure.
    for (const task of tasks) await ctr("tasks", "delete", "--force", task).catch(() => "");
  }
  for (const pid of shims()) signal(pid, "SIGKILL");
  while (cgroupProcesses().length + shims().length > 0) await delay(50);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Shims of this cluster's containerd, known by the address of its socket. */
function shims(): number[] {
  const isShim = (pid: string) => {
    const line = readIfThere(`/proc/${pid}/cmdline`);
    return line.includes("containerd-shim") && line.includes(containerdSocket);
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isShim(name))
    .map(Number);
}

/** Mount points of the cluster, in the order in which they were mounted. */
function mounts(): string[] {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .trim()
    .split("\n")
    .map((line) => unescape(line.split(" ")[4]));
  return points.filter((point) => [stateDir(), runDir].some((dir) => point.startsWith(`${dir}/`)));
}

/** The kernel writes a space of a path as \040, and so on. */
const unescape = (path: string) =>
  path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** Removes what kubelet, CNI and containerd write at fixed places outside the state directory, where it is ours. */
function removeTraces(): void {
  rmSync(runDir, { recursive: true, force: true });
  removeIn("/var/lib/cni/results", (path) => readIfThere(path).includes(`${runDir}/`));
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
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
