import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adminKubeconfig } from "../../local/cluster/pki";
import { emptyVolume, volumeCount, volumesToMake } from "../../local/cluster/volumes";
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

describe("the folder of a volume that is made again", () => {
  let volumes: string;
  beforeEach(() => {
    volumes = mkdtempSync(join(tmpdir(), "volumes-"));
  });
  afterEach(() => rmSync(volumes, { recursive: true }));

  const at = new Date("2026-01-31T12:00:00Z");
  const fill = () => {
    mkdirSync(join(volumes, "local-1"));
    writeFileSync(join(volumes, "local-1", "mlflow.db"), "all models");
  };

  it("is empty, and what it held lies beside it, which a sentence says", () => {
    fill();
    const aside = join(volumes, "kept-local-1-20260131T120000Z");
    expect(emptyVolume(volumes, "local-1", "gourmetgram-platform/mlflow", at)).toEqual([
      `What the volume of gourmetgram-platform/mlflow held is kept in ${aside}: the claim is gone from the cluster. ` +
        `When you no longer need it, delete it with rm -r ${aside}`,
    ]);
    expect(readdirSync(join(volumes, "local-1"))).toEqual([]);
    expect(statSync(join(volumes, "local-1")).mode & 0o777).toBe(0o770);
    expect(readFileSync(join(aside, "mlflow.db"), "utf8")).toBe("all models");
  });

  it("is kept where the cluster has forgotten the volume too", () => {
    fill();
    const [sentence] = emptyVolume(volumes, "local-1", undefined, at);
    expect(sentence).toMatch(/^What the volume local-1 held is kept in .*: the cluster does not have it\. /);
    expect(existsSync(join(volumes, "kept-local-1-20260131T120000Z", "mlflow.db"))).toBe(true);
  });

  it("is made where it held nothing, without a word", () => {
    expect(emptyVolume(volumes, "local-0", undefined, at)).toEqual([]);
    expect(emptyVolume(volumes, "local-0", "a/b", at)).toEqual([]);
    expect(readdirSync(volumes)).toEqual(["local-0"]);
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
