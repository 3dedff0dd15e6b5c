import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { may } from "../../lib/access";
import type { LocalNode } from "./nodes";

/** Where the hierarchies of cgroups are. */
const cgroupMount = "/sys/fs/cgroup";

/** Controllers that this program needs. With version 1 each is a hierarchy. */
const neededControllers = ["cpu", "cpuset", "memory", "pids"];
/** Controllers that the kubelet asks for with version 2, if the machine has them: it refuses a cgroup without one. */
const kubeletControllers = [...neededControllers, "hugetlb"];

/** Whether the machine has the unified hierarchy alone (version 2). */
const isCgroupV2 = (mount: string) => existsSync(join(mount, "cgroup.controllers"));

/** Controllers of cgroups that this machine lacks, or whose directory is read-only. */
export function missingControllers(mount = cgroupMount): string[] {
  if (!isCgroupV2(mount)) return neededControllers.filter((name) => !may("write", join(mount, name)));
  const found = words(join(mount, "cgroup.controllers"));
  return may("write", mount) ? neededControllers.filter((name) => !found.includes(name)) : neededControllers;
}

/** Directories of a node's cgroup: one with version 2, one for each controller with version 1. */
export function cgroupDirs({ cgroup }: LocalNode, mount = cgroupMount): string[] {
  if (isCgroupV2(mount)) return [join(mount, cgroup)];
  // Several names, such as cpu and cpuacct, may be links to one directory.
  const hierarchies = readdirSync(mount).map((name) => join(mount, name));
  return hierarchies.filter((dir) => existsSync(join(dir, "cgroup.procs"))).map((dir) => join(dir, cgroup));
}

/**
 * Creates the cgroup that the node's kubelet is given as its root. That of the first node must come first, since those
 * of the others are inside it. The kubelet uses the cgroupfs driver on every machine,
 * since nothing here is a unit of systemd.
 * @throws if the kernel refuses a controller
 */
export function ensureCgroups(node: LocalNode, mount = cgroupMount, write: Write = writeFileSync): void {
  for (const dir of cgroupDirs(node, mount)) {
    const parent = join(dir, "..");
    if (isCgroupV2(mount)) delegateControllers(parent, write);
    mkdirSync(dir, { recursive: true });
    if (isCgroupV2(mount)) delegateControllers(dir, write);
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      // With version 1 a new cpuset is empty and refuses processes.
      if (!isCgroupV2(mount) && existsSync(join(dir, file)))
        write(join(dir, file), readFileSync(join(parent, file), "utf8"));
    }
  }
}

type Write = (path: string, text: string) => void;

/** Gives the cgroups inside a cgroup the controllers, one at a time: the kernel takes a list as a whole or not. */
function delegateControllers(dir: string, write: Write): void {
  const file = join(dir, "cgroup.subtree_control");
  const [available, delegated] = [join(dir, "cgroup.controllers"), file].map(words);
  const lacking = kubeletControllers.filter((name) => available.includes(name) && !delegated.includes(name));
  for (const controller of lacking) {
    try {
      write(file, `+${controller}`);
    } catch (error) {
      throw new Error(
        `The kernel refuses the cgroup controller ${controller} inside ${dir} ` +
          `(${(error as NodeJS.ErrnoException).code}), as in a container whose processes are there: run this on the ` +
          "machine itself, or in a privileged container with the machine's cgroups.",
      );
    }
  }
}

const words = (path: string): string[] => readFileSync(path, "utf8").trim().split(/\s+/);

/** Process ids in the nodes' cgroups, whatever pod they belong to. */
export function cgroupProcesses(nodes: LocalNode[]): number[] {
  const pids = new Set<number>();
  for (const dir of nodes.flatMap((node) => cgroupDirs(node))) {
    for (const child of tree(dir)) {
      const text = unlessGone(() => readFileSync(join(child, "cgroup.procs"), "utf8"), "");
      for (const line of text.split("\n")) if (line) pids.add(Number(line));
    }
  }
  return [...pids];
}

/** Removes the nodes' cgroups, children first. No process may be left in them. */
export function removeCgroups(nodes: LocalNode[]): void {
  for (const dir of nodes.flatMap((node) => cgroupDirs(node)))
    for (const child of tree(dir).reverse()) unlessGone(() => rmdirSync(child), undefined);
}

/** The directory and all below it, parents first. Empty if it does not exist. */
function tree(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const children = unlessGone(() => readdirSync(dir, { withFileTypes: true }), []);
  return [dir, ...children.filter((entry) => entry.isDirectory()).flatMap(({ name }) => tree(join(dir, name)))];
}

/** A container may end between the listing and the look at its cgroup, which the kernel then removes. */
function unlessGone<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code!)) return otherwise;
    throw error;
  }
}
