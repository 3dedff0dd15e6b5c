/** What the cluster needs of the kernel, found out by trying it, since modules load when they are first used. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { succeeds } from "../../lib/exec";
import { stateDir } from "../../lib/paths";

/** A part of the kernel that is missing. */
export type MissingPart = "network namespaces" | "overlay mounts" | "iptables";

/**
 * Tries what the cluster does later, in namespaces that end with the try. It needs root.
 * @param dir directory on the file system of the containers; default the state's
 */
export async function missingKernelParts(dir = stateDir()): Promise<MissingPart[]> {
  if (!(await succeeds("unshare", ["--net", "true"]))) return ["network namespaces"];
  const parts: MissingPart[] = [];
  if (!(await canMountOverlay(dir))) parts.push("overlay mounts");
  // Before the first start the program may not be installed yet.
  const hasProgram = ["/usr/sbin/iptables", "/sbin/iptables"].some(existsSync);
  if (hasProgram && !(await succeeds("unshare", ["--net", "iptables", "--wait", "--table", "nat", "--list-rules"])))
    parts.push("iptables");
  return parts;
}

/** Not every file system may be below an overlay. */
async function canMountOverlay(parent: string): Promise<boolean> {
  const dir = mkdtempSync(join(parent, "overlay-"));
  const mount = "mkdir l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m";
  try {
    return await succeeds("unshare", ["--mount", "sh", "-c", `cd "$1" && ${mount}`, "sh", dir]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
