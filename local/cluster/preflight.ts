import { existsSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { unreachableMirror } from "../../image-builder/base";
import { thisAsRoot } from "../../lib/as-root";
import { exec } from "../../lib/exec";
import { goWanted, isOlderGo } from "../../lib/go-module";
import { listed } from "../../lib/listed";
import { cacheDir, stateDir, toolPath } from "../../lib/paths";
import { proxyAddresses } from "../../lib/proxy";
import { neededToolGroups, toolsToCompile } from "../toolchain/official-parts";
import { pulledImages } from "../toolchain/third-party-images/official-images";
import { isNeeded, type LocalImageName } from "../toolchain/third-party-images/recipes";
import { missingControllers } from "./cgroups";
import { type Firewall, firewallNotice, firewallOfMachine } from "./firewall";
import { type Forward, type PortPlan, planPorts } from "./forward";
import { type MissingPart, missingKernelParts } from "./kernel";
import { foreignDirectory, recordedCheckout } from "./state-directory";

/** What the checks before the start of the local cluster read. */
export interface PreflightFacts {
  platform: string;
  uid: number;
  /** The command of this process, by sudo. */
  asRoot: string;
  /** Whether Debian's package manager is installed. */
  apt: boolean;
  /** Version of Go, e.g. `1.26.8`; undefined if it is not installed. */
  go?: string;
  /** Version of Go that the modules ask for. */
  goWanted: string;
  /** Free space in bytes for the cache and the state. */
  disk: { path: string; free: number }[];
  /** Whether every tool that is needed is in the cache as this program and this Go make it, or as released. */
  compiled: boolean;
  /** Whether every tool is in the cache, be it of an earlier program. */
  startedBefore: boolean;
  distribution: Distribution;
  /** Mirror of Debian that the images are still to be made from, and that does not answer; undefined otherwise. */
  unreachableMirror?: string;
  /** Number of processors that this process may use. */
  processors: number;
  /** Memory in bytes. */
  memory: number;
  missingKernelParts: MissingPart[];
  missingControllers: string[];
  ports: PortPlan;
  /** The active firewall, if ports are to be open to other machines. */
  firewall?: Firewall;
  /** Names of the variables that name a proxy. */
  proxies: string[];
  /** Checkout from which the cluster was last started; undefined if there is none. */
  startedFrom?: string;
  /** Why the state directory cannot be this cluster's; undefined if it can. */
  foreignDirectory?: string;
}

/** A distribution, as /etc/os-release has it. */
export interface Distribution {
  /** `debian`, `ubuntu` and so on. */
  id: string;
  /** `12`, `24.04`; empty in a distribution without versions. */
  version: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  name: string;
}

/** Memory in bytes that the pods request at a time, about 4 GB, and that the cluster itself takes, about 1.3 GB. */
export const memoryWanted = 5.5e9;
/**
 * Free disk in bytes. A first start that compiled everything took 11 GB for the cache, 7 GB for the state, and 12 GB
 * for Go's own caches; one that downloads the official parts takes half of it. `running` is for a cluster that was
 * started before.
 */
const diskWanted = { compiling: 30e9, first: 15e9, running: 5e9 };
/** The pods of a training request more than one processor. */
export const processorsWanted = 2;
/** The oldest releases that have the packages. */
const oldest: Record<string, number> = { debian: 12, ubuntu: 22.04 };

const gigabyte = 1e9;
const otherCluster = "or name the context of a cluster of your own in gourmetgram:cluster.context of the stack file";

/** Everything that prevents the start of the local cluster. Each sentence says what to do. */
export function preflightErrors(facts: PreflightFacts): string[] {
  const errors: string[] = [];
  if (facts.platform !== "linux")
    return [`The local cluster needs Linux, and this is ${facts.platform}: use a Linux machine, ${otherCluster}.`];
  if (facts.uid !== 0)
    errors.push(
      "The local cluster needs root, for its network namespace and its mounts: " +
        `run ${facts.asRoot}, ${otherCluster}.`,
    );
  if (!facts.apt)
    errors.push(
      `The local cluster installs Debian packages, and there is no apt-get: use Debian or Ubuntu, ${otherCluster}.`,
    );
  errors.push(
    ...(facts.foreignDirectory ? [facts.foreignDirectory] : []),
    ...distributionErrors(facts.distribution),
    ...mirrorErrors(facts.unreachableMirror),
    ...sizeErrors(facts),
    ...kernelErrors(facts.missingKernelParts, facts.missingControllers),
    ...(facts.ports.error ? [facts.ports.error] : []),
  );
  if (!facts.compiled) {
    if (!facts.go)
      errors.push(
        `Go is not installed: install Go ${facts.goWanted} or newer from https://go.dev/dl and put it on PATH.`,
      );
    else if (isOlderGo(facts.go, facts.goWanted))
      errors.push(`Go ${facts.go} is too old: install Go ${facts.goWanted} or newer from https://go.dev/dl.`);
  }
  const wanted = facts.startedBefore ? diskWanted.running : diskWanted.first;
  for (const { path, free } of facts.disk) {
    if (free < wanted)
      errors.push(
        `Only ${(free / gigabyte).toFixed(1)} GB are free at ${path}, and ${wanted / gigabyte} GB are needed: ` +
          "free some, or set GOURMETGRAM_CACHE and GOURMETGRAM_STATE to new directories on a larger disk.",
      );
  }
  return errors;
}

function distributionErrors({ id, version, name }: Distribution): string[] {
  if (!(id in oldest) || !version || Number(version) >= oldest[id]) return [];
  return [`${name} is too old, since it lacks packages: use Debian 12, Ubuntu 22.04 or newer, ${otherCluster}.`];
}

function mirrorErrors(mirror: string | undefined): string[] {
  if (!mirror) return [];
  return [
    `apt can't read Debian's packages, which the images are made of, at ${mirror}: ` +
      "set GOURMETGRAM_DEBIAN_MIRROR to a mirror of Debian that this machine reaches.",
  ];
}

function sizeErrors({ processors, memory }: PreflightFacts): string[] {
  return [
    ...(processors < processorsWanted
      ? [
          `This machine has ${processors} processor, and the pods of a training request more than one: ` +
            `use a machine with ${processorsWanted} or more, ${otherCluster}.`,
        ]
      : []),
    ...(memory < memoryWanted
      ? [
          `This machine has ${(memory / gigabyte).toFixed(1)} GB of memory, and ${memoryWanted / gigabyte} GB are ` +
            `needed for the pipeline and the cluster below it: use a larger machine, ${otherCluster}.`,
        ]
      : []),
  ];
}

const partRemedies: Record<MissingPart, string> = {
  "network namespaces": "run it on the machine itself or in a privileged container",
  "overlay mounts":
    "set GOURMETGRAM_STATE to a new directory of a file system that can be mounted so, such as ext4 or xfs, " +
    "and in a container to one of the machine",
  iptables: "load the kernel's modules for it, as with modprobe iptable_nat and modprobe nf_tables",
};

/** A sentence for each part of the kernel that is missing. */
export function kernelErrors(parts: readonly MissingPart[], controllers: readonly string[]): string[] {
  return [
    ...parts.map((part) => `This kernel allows no ${part} here: ${partRemedies[part]}, ${otherCluster}.`),
    ...(controllers.length > 0
      ? [
          `The cgroup controllers ${controllers.join(", ")} are missing or read-only: start the kernel with them ` +
            "(cgroup_enable=memory), and run it on the machine itself or in a privileged container with the " +
            `machine's cgroups, ${otherCluster}.`,
        ]
      : []),
  ];
}

/** Why an etcd cannot serve this cluster. Undefined if it can. @param output of `etcd --version` */
export function etcdError(output: string): string | undefined {
  const version = /etcd Version: (\d+\.\d+\S*)/.exec(output)?.[1] ?? "of an unknown version";
  const [major, minor] = version.split(".").map(Number);
  if (major > 3 || (major === 3 && minor >= 4)) return undefined;
  return `The etcd that apt installed is ${version}, and 3.4 or newer is needed: use a newer release, ${otherCluster}.`;
}

/** What is worth knowing, and prevents nothing. @param checkout the checkout that this start is run from */
export function preflightNotices(facts: PreflightFacts, checkout: string): string[] {
  const { distribution, startedFrom, startedBefore } = facts;
  const scarce = facts.disk.find(({ free }) => !startedBefore && free < diskWanted.compiling);
  return [
    ...(scarce
      ? [
          `${(scarce.free / gigabyte).toFixed(1)} GB are free at ${scarce.path}: enough if the official parts can be ` +
            `downloaded; to compile them all takes ${diskWanted.compiling / gigabyte} GB.`,
        ]
      : []),
    ...(distribution.id in oldest
      ? []
      : [`${distribution.name} is neither Debian nor Ubuntu, for which this is made: packages may be missing.`]),
    ...(startedFrom !== undefined && startedFrom !== checkout
      ? [
          `This local cluster was started from ${startedFrom}, and continues with the program in ${checkout}. ` +
            "For a cluster of its own set GOURMETGRAM_STATE to another directory.",
        ]
      : []),
    ...facts.ports.notices,
    ...(facts.firewall ? [firewallNotice(facts.firewall, facts.ports.open)] : []),
    ...(facts.proxies.length > 0
      ? [
          `${listed(facts.proxies)} ${facts.proxies.length === 1 ? "is" : "are"} set: downloads and package ` +
            "registries go through the proxy; this machine's own ports and the cluster do not, and need no entry in " +
            "NO_PROXY.",
        ]
      : []),
  ];
}

/** What /etc/os-release says, whose values may be quoted. */
export function parseDistribution(text: string): Distribution {
  const read = (key: string) => new RegExp(`^${key}=(["']?)(.*)\\1$`, "m").exec(text)?.[2] ?? "";
  const id = read("ID");
  return { id, version: read("VERSION_ID"), name: read("PRETTY_NAME") || id || "this system" };
}

/**
 * Reads the facts of this machine.
 * @param images those of the stack
 * @param forwards ways into the cluster that the start opens
 */
export async function preflightFacts(
  images: readonly LocalImageName[],
  forwards: readonly Forward[],
): Promise<PreflightFacts> {
  const dirs = [cacheDir(), stateDir()];
  // Without root it cannot write there. The check for root then says so.
  const isRoot = process.platform === "linux" && process.getuid?.() === 0;
  const disk = isRoot ? dirs.map(freeSpace) : [];
  const distribution = parseDistribution(existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "");
  // Without root it may not listen at port 80.
  const ports = isRoot ? await planPorts(forwards) : { notices: [], open: [] };
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    asRoot: thisAsRoot(),
    apt: ["/usr/bin/apt-get", "/bin/apt-get"].some(existsSync),
    go: await exec("go", ["env", "GOVERSION"]).then(
      (text) => text.trim().replace(/^go/, ""),
      () => undefined,
    ),
    goWanted: goWanted(),
    disk,
    distribution,
    // Before its first update apt of a new Debian does not know yet that its mirrors are Debian's.
    unreachableMirror: isRoot && distribution.id !== "debian" ? await unreachableMirror() : undefined,
    processors: availableParallelism(),
    memory: totalmem(),
    missingKernelParts: isRoot ? await missingKernelParts() : [],
    missingControllers: isRoot ? missingControllers() : [],
    ports,
    firewall: ports.open.length > 0 ? await firewallOfMachine() : undefined,
    proxies: proxyAddresses.filter((name) => process.env[name]),
    startedFrom: recordedCheckout(),
    foreignDirectory: foreignDirectory(),
    compiled: (await toolsToCompile(images)).length === 0,
    startedBefore: neededTools(images, await pulledImages()).every((tool) => existsSync(toolPath(tool))),
  };
}

/** The programs that a cluster with these images needs, less those of images that were pulled. */
export const neededTools = (images: readonly LocalImageName[], pulled: ReadonlySet<LocalImageName>): string[] =>
  neededToolGroups(images)
    .flatMap(({ tools }) => Object.keys(tools))
    .filter((tool) => isNeeded(tool, pulled));

function freeSpace(path: string): { path: string; free: number } {
  mkdirSync(path, { recursive: true });
  const { bavail, bsize } = statfsSync(path);
  return { path, free: bavail * bsize };
}
