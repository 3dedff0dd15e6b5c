import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stateDir } from "../../lib/paths";
import { withoutProxy } from "../../lib/proxy";
import { readWhole, writeWhole } from "../../lib/whole-file";

/** One long-running process of the local cluster. */
export interface ProcessSpec {
  name: string;
  /** Absolute path of the program, or a name on PATH. */
  command: string;
  args: string[];
  /** Network namespace file to run in; the caller's own namespace by default. */
  netns?: string;
  /** Mount namespace file to run in; the caller's own namespace by default. */
  mountNamespace?: string;
  env?: Record<string, string>;
  /** Files that the process reads only at its start: if one changes, the process is restarted. */
  reads?: string[];
}

interface PidFile {
  pid: number;
  /** Field 22 of /proc/PID/stat. If the kernel reuses the number for another process, the start time differs. */
  startTime: string;
  signature: string;
}

const pidDir = () => join(stateDir(), "pids");
const pidPath = (name: string) => join(pidDir(), `${name}.json`);

/** Log file of a process. Each start of the process overwrites it. */
const logPath = (name: string) => join(stateDir(), "logs", `${name}.log`);

/**
 * Makes sure that the process runs as described. If its description has changed, the process is replaced. It outlives
 * the caller.
 * @returns whether it had to be started
 */
export async function ensureProcess(spec: ProcessSpec): Promise<boolean> {
  const wanted = signature(spec);
  const running = readPidFile(spec.name);
  if (running && isAlive(running)) {
    if (running.signature === wanted) return false;
    await stopProcess(spec.name);
  }
  mkdirSync(pidDir(), { recursive: true });
  mkdirSync(join(stateDir(), "logs"), { recursive: true });
  const log = openSync(logPath(spec.name), "w");
  // `nsenter --net` and not `ip netns exec`, which would hide the cgroup mounts from the kubelet.
  const namespaces = [
    ...(spec.netns ? [`--net=${spec.netns}`] : []),
    ...(spec.mountNamespace ? [`--mount=${spec.mountNamespace}`] : []),
  ];
  const argv = [...(namespaces.length > 0 ? ["nsenter", ...namespaces, "--"] : []), spec.command, ...spec.args];
  const child = spawn(argv[0], argv.slice(1), {
    detached: true,
    stdio: ["ignore", log, log],
    // The cluster has no way out, and its parts would ask a proxy for each other's addresses.
    env: { ...(spec.netns ? withoutProxy(process.env) : process.env), ...spec.env },
    cwd: "/",
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
  const file: PidFile = { pid: child.pid!, startTime: startTime(child.pid!) ?? "", signature: wanted };
  try {
    writeWhole(pidPath(spec.name), JSON.stringify(file));
  } catch (error) {
    // Nobody would know of it.
    child.kill("SIGKILL");
    throw error;
  }
  return true;
}

/** Number of the process that was last started under this name; undefined if it no longer runs. */
export function runningPid(name: string): number | undefined {
  const file = readPidFile(name);
  return file && isAlive(file) ? file.pid : undefined;
}

/** Whether the process that was last started under this name still runs. */
export const processRuns = (name: string): boolean => runningPid(name) !== undefined;

/** Names of all processes that were started and not stopped. */
export function startedProcesses(): string[] {
  const files = existsSync(pidDir()) ? readdirSync(pidDir()) : [];
  return files.filter((file) => file.endsWith(".json")).map((file) => file.replace(/\.json$/, ""));
}

/** Ends a process by TERM. If it still runs after `patience` milliseconds (default 3 s), it ends it by KILL. */
export async function stopProcess(name: string, patience = 3_000): Promise<void> {
  const file = readPidFile(name);
  if (file && isAlive(file)) {
    process.kill(file.pid, "SIGTERM");
    for (const end = Date.now() + patience; isAlive(file) && Date.now() < end; ) await delay(50);
    if (isAlive(file)) process.kill(file.pid, "SIGKILL");
    while (isAlive(file)) await delay(20);
  }
  rmSync(pidPath(name), { force: true });
}

/** Waits until `check` holds. @throws if one of the watched processes ends meanwhile */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean>,
  options: { seconds: number; watch?: string[] },
): Promise<void> {
  for (const end = Date.now() + options.seconds * 1000; ; await delay(200)) {
    if (await check()) return;
    for (const name of options.watch ?? []) {
      if (!processRuns(name))
        throw new Error(`${name} ended before ${what} was ready. The end of ${logPath(name)}:\n${tail(name)}`);
    }
    if (Date.now() > end)
      throw new Error(
        `${what} was not ready within ${options.seconds} s: read the logs in ${join(stateDir(), "logs")}, ` +
          "then run `npm start` again.",
      );
  }
}

function tail(name: string): string {
  return existsSync(logPath(name))
    ? readFileSync(logPath(name), "utf8").trim().split("\n").slice(-8).join("\n")
    : "(no log)";
}

function signature(spec: ProcessSpec): string {
  const hash = createHash("sha256").update(JSON.stringify([spec.command, spec.args, spec.netns, spec.env]));
  if (spec.mountNamespace) hash.update(spec.mountNamespace);
  if (spec.command.startsWith("/")) hash.update(`${statSync(spec.command).mtimeMs}`);
  for (const file of spec.reads ?? []) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function readPidFile(name: string): PidFile | undefined {
  return readWhole(pidPath(name)) as PidFile | undefined;
}

function isAlive(file: PidFile): boolean {
  return startTime(file.pid) === file.startTime;
}

/** Start time of a living process. Undefined if all of its threads have ended, also if it is still a zombie. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // Until its last thread has ended, a zombie still holds its ports.
    return fields[0] === "Z" && Number(fields[17]) <= 1 ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * When a living process began, in milliseconds since 1970, to within a second. Undefined if the process has ended or is
 * a zombie.
 */
export function startedAt(pid: number): number | undefined {
  const ticks = startTime(pid);
  const booted = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))![1];
  // Linux counts in hundredths of a second here on every architecture.
  return ticks === undefined ? undefined : Number(booted) * 1000 + Number(ticks) * 10;
}
