import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../../lib/exec";
import type { LocalNode } from "./nodes";

/** Folder of containerd's configuration, which each node has to itself. */
export const containerdFolder = "/etc/containerd";

const directory = ({ runDir }: LocalNode) => join(runDir, "namespaces");

/** File of a node's mount namespace, for `nsenter --mount=`. */
export const mountNamespace = (node: LocalNode) => join(directory(node), "mnt");

/**
 * Creates the node's mount namespace, in which `/etc/containerd` is a folder of its own. So a pod that configures
 * containerd on every node, as that of `registry.configureNodes` does, leaves this machine's containerd alone.
 * @param folder what the node has at `/etc/containerd`
 */
export async function ensureMounts(node: LocalNode, folder: string): Promise<void> {
  const file = mountNamespace(node);
  if (mountPoints().includes(file)) return;
  if (!mountPoints().includes(directory(node))) {
    mkdirSync(directory(node), { recursive: true });
    await exec("mount", ["--bind", directory(node), directory(node)]);
  }
  // The file of a namespace can be only on a mount that no other namespace sees.
  await exec("mount", ["--make-private", directory(node)]);
  if (!existsSync(file)) closeSync(openSync(file, "w"));
  // What this machine mounts and unmounts later is seen in there, and not the other way round.
  await exec("unshare", [`--mount=${file}`, "--propagation=slave", "mount", "--bind", folder, containerdFolder]);
}

/** Every mount point of this machine, in the order in which they were mounted. */
export function mountPoints(): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
  return lines.map((line) => unescapeMountPoint(line.split(" ")[4]));
}

/** The kernel writes a space in a path as \040, and so on. */
const unescapeMountPoint = (path: string) =>
  path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
