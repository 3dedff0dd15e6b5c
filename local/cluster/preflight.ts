import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../../lib/exec";
import { cacheDir, stateDir, toolPath } from "../../lib/paths";
import { toolGroups } from "../toolchain/go-tools";

/** What is looked at before the local cluster is started. */
export interface Machine {
  platform: string;
  uid: number;
  /** Whether Debian's package manager is there. */
  apt: boolean;
  /** Version of Go, e.g. `1.26.8`; undefined where there is none. */
  go?: string;
  /** Version of Go that the modules ask for. */
  goWanted: string;
  /** Free space in bytes for the cache and the state. */
  disk: { path: string; free: number }[];
  /** Whether every tool is compiled already. */
  compiled: boolean;
}

const gigabyte = 1e9;
const ownCluster = "or name the context of a cluster of your own in gourmetgram:cluster.context of the stack file";

/** Everything that keeps the local cluster from starting, one sentence each that says what to do. */
export function preflightErrors(machine: Machine): string[] {
  const found: string[] = [];
  if (machine.platform !== "linux")
    return [`The local cluster needs Linux, and this is ${machine.platform}: use a Linux machine, ${ownCluster}.`];
  if (machine.uid !== 0)
    found.push(
      `The local cluster needs root, for its network namespace and its mounts: run it with sudo, ${ownCluster}.`,
    );
  if (!machine.apt)
    found.push(
      `The local cluster installs Debian packages, and there is no apt-get: use Debian 12 or later, ${ownCluster}.`,
    );
  if (!machine.compiled) {
    if (!machine.go)
      found.push(
        `Go is not installed: install Go ${machine.goWanted} or newer from https://go.dev/dl and put it on PATH.`,
      );
    else if (isOlder(machine.go, machine.goWanted))
      found.push(`Go ${machine.go} is too old: install Go ${machine.goWanted} or newer from https://go.dev/dl.`);
  }
  const wanted = (machine.compiled ? 5 : 15) * gigabyte;
  for (const { path, free } of machine.disk) {
    if (free < wanted)
      found.push(
        `Only ${(free / gigabyte).toFixed(1)} GB are free at ${path}, and ${wanted / gigabyte} GB are needed: free some, or set GOURMETGRAM_CACHE and GOURMETGRAM_STATE to a larger disk.`,
      );
  }
  return found;
}

/** Looks at this machine. */
export async function inspectMachine(): Promise<Machine> {
  const dirs = [cacheDir(), stateDir()];
  // Where it may not write, the check for root speaks, not this one.
  const disk = process.platform === "linux" && process.getuid?.() === 0 ? dirs.map(freeSpace) : [];
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    apt: ["/usr/bin/apt-get", "/bin/apt-get"].some(existsSync),
    go: await exec("go", ["env", "GOVERSION"]).then(
      (text) => text.trim().replace(/^go/, ""),
      () => undefined,
    ),
    goWanted: goWanted(),
    disk,
    compiled: toolGroups.every(({ tools }) => Object.keys(tools).every((tool) => existsSync(toolPath(tool)))),
  };
}

function freeSpace(path: string): { path: string; free: number } {
  mkdirSync(path, { recursive: true });
  const { bavail, bsize } = statfsSync(path);
  return { path, free: bavail * bsize };
}

/** The newest of the `go` lines of the modules. */
function goWanted(): string {
  const root = join(__dirname, "..", "toolchain", "go");
  const files = readdirSync(root)
    .map((name) => join(root, name, "go.mod"))
    .filter(existsSync);
  const versions = files.map((file) => /^go (\S+)/m.exec(readFileSync(file, "utf8"))![1]);
  return versions.reduce((newest, version) => (isOlder(newest, version) ? version : newest));
}

function isOlder(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split(/[.\- ]/).map((part) => parseInt(part, 10) || 0));
  const index = b.findIndex((part, i) => part !== (a[i] ?? 0));
  return index >= 0 && (a[index] ?? 0) < b[index];
}
