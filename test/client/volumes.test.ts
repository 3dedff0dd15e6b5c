import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fullVolumes, readVolumes, remedyOf, type Volume } from "../../client/volumes";
import { firstAid } from "../../components/shared/volumes";
import { explainPush } from "../../image-builder/push";
import { CommandError } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { type Answers, withApiServer } from "../cli/api-server";

const GiB = 2 ** 30;
const pods = (namespace: string, app: string) => `GET /api/v1/namespaces/${namespace}/pods?labelSelector=app=${app}`;
const stats = (node: string) => `GET /api/v1/nodes/${node}/proxy/stats/summary`;
const pod = (name: string, nodeName: string | undefined, phase = "Running") => ({
  metadata: { name },
  spec: { nodeName },
  status: { phase },
});
const measured = (namespace: string, name: string, used: number, available: number) => ({
  podRef: { namespace, name },
  volume: [
    { name: "tmp", usedBytes: 1, availableBytes: 1 },
    { name: "data", pvcRef: { name: "x" }, usedBytes: used * GiB, availableBytes: available * GiB },
  ],
});
const claimOfMlflow = "GET /api/v1/namespaces/gourmetgram-platform/persistentvolumeclaims/x";
const classOf = (name: string) => `GET /apis/storage.k8s.io/v1/storageclasses/${name}`;

const answers: Answers = {
  [pods("gourmetgram-platform", "mlflow")]: { items: [pod("old", "b", "Failed"), pod("mlflow-1", "a")] },
  [pods("kube-system", "registry")]: { items: [pod("registry-1", "b")] },
  [pods("gourmetgram-platform", "mlflow-database")]: { items: [] },
  [pods("gourmetgram-platform", "mlflow-artifacts")]: { items: [] },
  [stats("a")]: {
    pods: [measured("other", "mlflow-1", 1, 1), measured("gourmetgram-platform", "mlflow-1", 17, 3), { podRef: {} }],
  },
  [stats("b")]: { pods: [measured("kube-system", "registry-1", 5, 15)] },
  [claimOfMlflow]: { spec: { storageClassName: "local" } },
  [classOf("local")]: { provisioner: "kubernetes.io/no-provisioner" },
};
const mlflow: Volume = {
  owner: "MLflow",
  setting: "modelRegistry.storage",
  isCollected: true,
  growth: "disk",
  usedBytes: 17 * GiB,
  capacityBytes: 20 * GiB,
};
const registry: Volume = {
  owner: "the registry",
  setting: "registry.storage",
  isCollected: true,
  growth: null,
  usedBytes: 5 * GiB,
  capacityBytes: 20 * GiB,
};

describe("readVolumes", () => {
  it("asks the nodes of MLflow and of the registry", async () =>
    expect(await withApiServer(answers, readVolumes)).toEqual([mlflow, registry]));

  it.each<[string, Answers]>([
    ["the user may not ask its node", { [stats("a")]: [403, { message: "forbidden" }] }],
    ["its pod is not measured yet", { [stats("a")]: { pods: [] } }],
    ["its volume is not measured", { [stats("a")]: { pods: [{ podRef: { namespace: "gourmetgram-platform" } }] } }],
  ])("leaves one out if %s", async (_title, changes) =>
    expect(await withApiServer({ ...answers, ...changes }, readVolumes)).toEqual([registry]),
  );

  it("leaves one out whose pod does not run", async () => {
    const pending = { items: [pod("mlflow-1", undefined, "Pending")] };
    const changed = { ...answers, [pods("gourmetgram-platform", "mlflow")]: pending };
    expect(await withApiServer(changed, readVolumes)).toEqual([registry]);
  });
});

describe("a volume that is nearly full", () => {
  it.each<[Volume["growth"], string, Answers]>([
    ["expands", "its class expands", { [classOf("local")]: { provisioner: "ebs", allowVolumeExpansion: true } }],
    ["fixed", "its class does not", { [classOf("local")]: { provisioner: "nfs" } }],
    ["disk", "nothing provisions it", {}],
    ["fixed", "it has no class", { [claimOfMlflow]: { spec: {} } }],
    [null, "the user may not look", { [classOf("local")]: [403, { message: "forbidden" }] }],
  ])("is read as %s where %s", async (growth, _why, changes) =>
    expect(await withApiServer({ ...answers, ...changes }, readVolumes)).toEqual([{ ...mlflow, growth }, registry]),
  );
});

describe("remedyOf", () => {
  const collect = "run npm run collect to make room. If that is not enough: ";

  it.each<[Volume["growth"], string]>([
    ["expands", "give it more space with registry.storage, then run npm start"],
    [
      "fixed",
      "its storage class cannot expand it, so keep fewer versions with pipeline.retention, or move to a larger one: " +
        "write registry.storage, and run npm run backup, npm stop, npm start and npm run restore",
    ],
    [
      "disk",
      "it is part of its node's disk and cannot be expanded, so keep fewer versions with pipeline.retention, or " +
        "delete something else from that disk",
    ],
    [
      null,
      "give it more space with registry.storage if its storage class can expand it; if it cannot, keep fewer " +
        "versions with pipeline.retention, or move: npm run backup, npm stop, npm start and npm run restore",
    ],
  ])("collects first, then does what a volume that is %s allows", (growth, then) =>
    expect(remedyOf({ ...registry, growth })).toBe(collect + then),
  );

  it("collects nothing for a volume that a collection does not help", () =>
    expect(remedyOf({ ...mlflow, isCollected: false })).toBe(
      "it is part of its node's disk and cannot be expanded, so delete something else from that disk",
    ));
});

it("says the same first aid in the program, the builds and the steps", () => {
  const step = readFileSync(join(repositoryRoot, "workflows/lib/full_volume.py"), "utf8");
  const [, collect] = /^COLLECT = "(.+)"$/m.exec(step)!;
  const [, database] = /^DATABASE = Volume\(".+", "(.+)"\)$/m.exec(step)!;
  expect([firstAid({ isCollected: true }), firstAid({ isCollected: false })]).toEqual([collect, database]);
  const full = new CommandError("crane", 1, "no space left on device");
  expect((explainPush(full) as Error).message).toBe(`The volume of the registry is full: ${collect}.`);
});

describe("fullVolumes", () => {
  it("names a volume from 80 % on, with what to do", () =>
    expect(fullVolumes([mlflow, registry])).toEqual([
      "The volume of MLflow is 85 % full (17.0 of 20.0 GiB; the bar is 80 %): run npm run collect to make room. If " +
        "that is not enough: it is part of its node's disk and cannot be expanded, so keep fewer versions with " +
        "pipeline.retention, or delete something else from that disk.",
    ]));

  it.each([
    [79.9, 0],
    [80, 1],
    [100, 1],
  ])("at %d % of it: %d", (percent, count) =>
    expect(fullVolumes([{ ...registry, usedBytes: (percent / 100) * 20 * GiB }])).toHaveLength(count),
  );
});
