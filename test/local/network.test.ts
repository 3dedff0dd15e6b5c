import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exec } from "../../lib/exec";
import { ensureNetwork, removeNetwork } from "../../local/cluster/network";
import { localNodes, netnsPath } from "../../local/cluster/nodes";
import { ensureProcess, runningPid, stopProcess } from "../../local/cluster/processes";

const lacks = [
  ...(process.getuid?.() === 0 ? [] : ["root"]),
  ...(["/usr/sbin/ip", "/usr/bin/ip"].some(existsSync) ? [] : ["the command ip"]),
].join(" and ");

/** The second one: other tests use the network of the first one. */
const [, node] = localNodes(2);
const kubelet = "kubelet-2";
const lost = "The network namespace of the running node gourmetgram-2 had lost its name";
const notice = `${lost} ${node.netns}: it has it again.`;

describe.skipIf(lacks !== "")(`the network of a node${lacks ? ` (not tried without ${lacks})` : ""}`, () => {
  let state: string;

  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), "network-"));
    vi.stubEnv("GOURMETGRAM_STATE", state);
    expect(await ensureNetwork([node])).toEqual([]);
  });
  afterEach(async () => {
    await stopProcess(kubelet);
    await removeNetwork([node]);
    rmSync(state, { recursive: true });
    vi.unstubAllEnvs();
  });

  /** Starts what stands for the kubelet. @returns its network namespace, as the kernel numbers it */
  async function startKubelet(): Promise<number> {
    await ensureProcess({ name: kubelet, command: "/bin/sleep", args: ["600"], netns: netnsPath(node) });
    const inode = statSync(netnsPath(node)).ino;
    // `nsenter` enters the namespace a moment after it was started.
    await vi.waitUntil(() => statSync(`/proc/${runningPid(kubelet)}/ns/net`).ino === inode, { timeout: 20_000 });
    return inode;
  }

  it("gets its name back where that was deleted while the node runs, and this is said once", async () => {
    const inode = await startKubelet();
    await exec("ip", ["netns", "delete", node.netns]);
    expect(await ensureNetwork([node])).toEqual([notice]);
    expect(statSync(netnsPath(node)).ino).toBe(inode);
    expect(await ensureNetwork([node])).toEqual([]);
  });

  it("gets its name back where only its file is left", async () => {
    const inode = await startKubelet();
    await exec("umount", [netnsPath(node)]);
    expect(await ensureNetwork([node])).toEqual([notice]);
    expect(statSync(netnsPath(node)).ino).toBe(inode);
  });

  it("is a new one where no process is in it any more", async () => {
    await startKubelet();
    await stopProcess(kubelet);
    await exec("ip", ["netns", "delete", node.netns]);
    expect(await ensureNetwork([node])).toEqual([]);
  });

  it("leaves no file, not even one that names nothing", async () => {
    await removeNetwork([node]);
    writeFileSync(netnsPath(node), "");
    await removeNetwork([node]);
    expect(existsSync(netnsPath(node))).toBe(false);
  });
});
