import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { BlockList } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { components } from "../../local/cluster/components";
import { configFiles, writeConfiguration } from "../../local/cluster/configuration";
import { unhealthyReason } from "../../local/cluster/health";
import { mountNamespace } from "../../local/cluster/mounts";
import { serviceCidr } from "../../local/cluster/network";
import {
  firstNode,
  localNodes,
  mostNodes,
  nodesCidr,
  parseNodeCount,
  podsCidr,
  recordedNodeCount,
  recordNodeCount,
} from "../../local/cluster/nodes";

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "nodes-"));
  vi.stubEnv("GOURMETGRAM_STATE", state);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true });
});

/** The addresses of a range like `10.244.0.0/16`. */
function range(...cidrs: string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) list.addSubnet(cidr.split("/")[0], Number(cidr.split("/")[1]));
  return list;
}

/** The first and the last address of a range of `/18`. */
function ends(cidr: string): [string, string] {
  const [first, second, third] = cidr.split(".").map(Number);
  return [`${first}.${second}.${third}.0`, `${first}.${second}.${third + 63}.255`];
}

describe("the nodes of the local cluster", () => {
  it("share nothing: each has its own name, addresses, network, cgroup, directories and socket", () => {
    const [first, ...others] = localNodes();
    expect(others).toHaveLength(mostNodes - 1);
    for (const key of Object.keys(first) as (keyof typeof first)[])
      expect(new Set(localNodes().map((node) => node[key])).size, key).toBe(mostNodes);
  });

  it("have parts of the pods' addresses that do not meet, and no address of a Service", () => {
    const nodes = localNodes();
    for (const node of nodes) {
      expect(range(nodesCidr).check(node.ip)).toBe(true);
      for (const address of ends(node.podCidr)) {
        expect(range(podsCidr).check(address)).toBe(true);
        expect(nodes.filter(({ podCidr }) => range(podCidr).check(address))).toEqual([node]);
        expect(range(serviceCidr, nodesCidr).check(address)).toBe(false);
      }
    }
  });

  it("keep what they have inside the cluster's own directories and cgroup, so that what removes those finds it", () => {
    const { stateDir, runDir, cgroup } = firstNode();
    expect(stateDir).toBe(state);
    for (const other of localNodes().slice(1)) {
      expect(other.stateDir.startsWith(`${stateDir}/`)).toBe(true);
      expect(other.runDir.startsWith(`${runDir}/`)).toBe(true);
      expect(other.containerdSocket.startsWith(`${other.runDir}/`)).toBe(true);
      expect(other.cgroup.startsWith(`${cgroup}/`)).toBe(true);
    }
  });

  it("run one control plane together, and each a containerd, a kubelet and a kube-proxy in its own network", () => {
    writeConfiguration(localNodes(2));
    const specs = components(localNodes(2));
    expect(specs.map(({ name }) => name)).toEqual([
      "containerd",
      "containerd-2",
      "etcd",
      "mirror",
      "kube-apiserver",
      "kube-controller-manager",
      "kube-scheduler",
      "kubelet",
      "kube-proxy",
      "kubelet-2",
      "kube-proxy-2",
    ]);
    const [first, second] = localNodes(2);
    expect(specs.filter(({ netns }) => netns === `/run/netns/${second.netns}`).map(({ name }) => name)).toEqual([
      "containerd-2",
      "kubelet-2",
      "kube-proxy-2",
    ]);
    const [one, other] = ["kubelet", "kubelet-2"].map((name) => specs.find((spec) => spec.name === name)!);
    expect(one.reads).toEqual([configFiles.kubelet(first)]);
    // The kubelet and containerd of a node see the same mounts, and nobody else does.
    for (const [name, node] of [
      ["kubelet", first],
      ["containerd", first],
      ["kubelet-2", second],
      ["containerd-2", second],
    ] as const)
      expect(specs.find((spec) => spec.name === name)!.mountNamespace).toBe(mountNamespace(node));
    expect(other.args).toEqual(expect.arrayContaining(["--hostname-override=gourmetgram-2", "--node-ip=10.200.0.2"]));
  });

  it("are all needed to finish deletions", async () => {
    recordNodeCount(2);
    expect(await unhealthyReason((name) => name !== "kubelet-2")).toBe(
      "Of the cluster's processes kubelet-2 has ended",
    );
    recordNodeCount(1);
    expect(await unhealthyReason((name) => name !== "kubelet-2")).not.toContain("kubelet-2");
  });
});

describe("the number of nodes", () => {
  it("is one in a cluster that never ran, or that was made before it was recorded", () =>
    expect(recordedNodeCount()).toBe(1));

  it("is kept with the cluster", () => {
    recordNodeCount(3);
    expect(recordedNodeCount()).toBe(3);
  });

  it("is that of the nodes with data if its file is no number", () => {
    writeFileSync(join(state, "nodes.json"), "two");
    expect(recordedNodeCount()).toBe(1);
    mkdirSync(localNodes(2)[1].stateDir, { recursive: true });
    expect(recordedNodeCount()).toBe(2);
  });

  it.each([
    ["1", 1],
    ["3", 3],
    [undefined, undefined],
  ])("is read from %s as %s", (text, count) => expect(parseNodeCount(text)).toBe(count));

  it.each(["0", "4", "-1", "2.0", "02", "two", "", " 2", "1e0"])("is refused as %j, with what to write", (text) =>
    expect(() => parseNodeCount(text)).toThrow(
      new Error(`--nodes is "${text}": write a whole number from 1 to ${mostNodes}.`),
    ),
  );
});
