import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { adminKubeconfig } from "../../local/cluster/pki";
import { volumeCount, volumesToMake } from "../../local/cluster/volumes";
import { toolGroups } from "../../local/toolchain/go-tools";

const volume = (name: string, phase?: string) => ({ metadata: { name }, status: phase ? { phase } : undefined });

describe("volumes of the local cluster", () => {
  it("are all made at first", () => expect(volumesToMake([])).toHaveLength(volumeCount));

  it("are made again once their claim is gone, and left alone while it is there", () => {
    const existing = [
      volume("local-0", "Bound"),
      volume("local-1", "Released"),
      volume("local-2", "Available"),
      volume("local-3", "Failed"),
      volume("local-4"),
    ];
    expect(volumesToMake(existing)).toEqual(["local-1", "local-3", "local-5", "local-6", "local-7"]);
  });
});

describe("the administrator's kubeconfig", () => {
  it("names one context and the forwarded port, and keeps the credentials", () => {
    const source = `clusters:
- {name: a, cluster: {server: "https://10.200.0.1:6443", certificate-authority-data: QQ==}}
users: [{name: b, user: {client-key-data: Qg==}}]`;
    expect(load(adminKubeconfig(source, 16443))).toMatchObject({
      "current-context": "gourmetgram-local",
      clusters: [{ cluster: { server: "https://127.0.0.1:16443", "certificate-authority-data": "QQ==" } }],
      users: [{ user: { "client-key-data": "Qg==" } }],
      contexts: [{ name: "gourmetgram-local" }],
    });
  });
});

describe("compiled tools", () => {
  it("have one group each", () => {
    const tools = toolGroups.flatMap((group) => Object.keys(group.tools));
    expect(new Set(tools).size).toBe(tools.length);
  });

  it("begin with the cluster, and come before the groups that it doesn't wait for", () => {
    expect(toolGroups.map(({ name }) => name).slice(0, 2)).toEqual(["kubernetes", "tools"]);
  });
});
