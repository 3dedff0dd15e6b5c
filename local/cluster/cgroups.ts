import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instance } from "../../lib/paths";

/** Where the hierarchies of cgroups are. */
export const cgroupMount = "/sys/fs/cgroup";

/** The cgroup under which all pods live, in every hierarchy. */
export const cgroupRoot = `/${instance}`;

/** Whether the machine has the unified hierarchy alone (version 2). */
export const isCgroupV2 = () => existsSync(join(cgroupMount, "cgroup.controllers"));

/** Directories of the cluster's cgroup: one with version 2, one for each controller with version 1. */
export function cgroupDirs(): string[] {
  if (isCgroupV2()) return [join(cgroupMount, cgroupRoot)];
  // Several names, such as cpu and cpuacct, may be links to one directory.
  const hierarchies = readdirSync(cgroupMount).map((name) => join(cgroupMount, name));
  return hierarchies.filter((dir) => existsSync(join(dir, "cgroup.procs"))).map((dir) => join(dir, cgroupRoot));
}

/**
 * Creates the cgroup that the kubelet is given as its root. The kubelet uses the cgroupfs driver on every machine,
 * since nothing here is a unit of systemd.
 */
export function ensureCgroups(): void {
  for (const dir of cgroupDirs()) {
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

/** Process ids in the cluster's cgroups, whatever pod they belong to. */
export function cgroupProcesses(): number[] {
  const pids = new Set<number>();
  for (const dir of cgroupDirs()) {
    for (const child of tree(dir)) {
      const text = unlessGone(() => readFileSync(join(child, "cgroup.procs"), "utf8"), "");
      for (const line of text.split("\n")) if (line) pids.add(Number(line));
    }
  }
  return [...pids];
}

/** Removes the cluster's cgroups, children first. No process may be left in them. */
export function removeCgroups(): void {
  for (const dir of cgroupDirs())
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
