import { describe, expect, it } from "vitest";
import { fullVolumes, readVolumes, type Volume } from "../../client/volumes";
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

const answers: Answers = {
  [pods("gourmetgram-platform", "mlflow")]: { items: [pod("old", "b", "Failed"), pod("mlflow-1", "a")] },
  [pods("kube-system", "registry")]: { items: [pod("registry-1", "b")] },
  [pods("gourmetgram-platform", "mlflow-database")]: { items: [] },
  [pods("gourmetgram-platform", "mlflow-artifacts")]: { items: [] },
  [stats("a")]: {
    pods: [measured("other", "mlflow-1", 1, 1), measured("gourmetgram-platform", "mlflow-1", 17, 3), { podRef: {} }],
  },
  [stats("b")]: { pods: [measured("kube-system", "registry-1", 5, 15)] },
};
const mlflow: Volume = {
  owner: "MLflow",
  setting: "modelRegistry.storage",
  usedBytes: 17 * GiB,
  capacityBytes: 20 * GiB,
};
const registry: Volume = {
  owner: "the registry",
  setting: "registry.storage",
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

describe("fullVolumes", () => {
  it("names a volume from 80 % on, with what to do", () =>
    expect(fullVolumes([mlflow, registry])).toEqual([
      "The volume of MLflow is 85 % full (17.0 of 20.0 GiB; the bar is 80 %): run npm run collect to make room, or " +
        "give it a larger one with modelRegistry.storage.",
    ]));

  it.each([
    [79.9, 0],
    [80, 1],
    [100, 1],
  ])("at %d % of it: %d", (percent, count) =>
    expect(fullVolumes([{ ...registry, usedBytes: (percent / 100) * 20 * GiB }])).toHaveLength(count),
  );
});
