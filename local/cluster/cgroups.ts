import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LocalNode } from "./nodes";

/** Where the hierarchies of cgroups are. */
export const cgroupMount = "/sys/fs/cgroup";

/** Whether the machine has the unified hierarchy alone (version 2). */
export const isCgroupV2 = () => existsSync(join(cgroupMount, "cgroup.controllers"));

/** Directories of a node's cgroup: one with version 2, one for each controller with version 1. */
export function cgroupDirs({ cgroup }: LocalNode): string[] {
  if (isCgroupV2()) return [join(cgroupMount, cgroup)];
  // Several names, such as cpu and cpuacct, may be links to one directory.
  const hierarchies = readdirSync(cgroupMount).map((name) => join(cgroupMount, name));
  return hierarchies.filter((dir) => existsSync(join(dir, "cgroup.procs"))).map((dir) => join(dir, cgroup));
}

/**
 * Creates the cgroup that the node's kubelet is given as its root. That of the first node must come first, since those
 * of the others are inside it. The kubelet uses the cgroupfs driver on every machine,
 * since nothing here is a unit of systemd.
 */
export function ensureCgroups(node: LocalNode): void {
  for (const dir of cgroupDirs(node)) {
    const parent = join(dir, "..");
    if (isCgroupV2()) delegateControllers(parent);
    mkdirSync(dir, { recursive: true });
    if (isCgroupV2()) delegateControllers(dir);
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      // With version 1 a new cpuset is empty and refuses processes.
      if (!isCgroupV2() && existsSync(join(dir, file)))
        writeFileSync(join(dir, file), readFileSync(join(parent, file)));
    }
  }
}

function delegateControllers(dir: string): void {
  const available = readFileSync(join(dir, "cgroup.controllers"), "utf8").trim().split(" ").filter(Boolean);
  writeFileSync(join(dir, "cgroup.subtree_control"), available.map((controller) => `+${controller}`).join(" "));
}

/** Process ids in the nodes' cgroups, whatever pod they belong to. */
export function cgroupProcesses(nodes: LocalNode[]): number[] {
  const pids = new Set<number>();
  for (const dir of nodes.flatMap(cgroupDirs)) {
    for (const child of tree(dir)) {
      const text = unlessGone(() => readFileSync(join(child, "cgroup.procs"), "utf8"), "");
      for (const line of text.split("\n")) if (line) pids.add(Number(line));
    }
  }
  return [...pids];
}

/** Removes the nodes' cgroups, children first. No process may be left in them. */
export function removeCgroups(nodes: LocalNode[]): void {
  for (const dir of nodes.flatMap(cgroupDirs))
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
