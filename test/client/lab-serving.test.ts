import { describe, expect, it } from "vitest";
import { readServing, type Serving, servingDifferences } from "../../client/lab-serving";
import type { Release } from "../../client/releases";
import { type Answers, withApiServer } from "../cli/api-server";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const [first, second, base] = ["1", "2", "b"].map(digest);
const at = (minute: number) => new Date(Date.UTC(2026, 0, 5, 10, minute));
const record = (minute: number, changes: Partial<Release>) =>
  ({ environment: "canary", startedAt: at(minute), endedAt: at(minute + 1), serves: null, ...changes }) as Release;
const released = (version: string, of: string, minute: number) =>
  record(minute, { action: "promote", serves: { version, digest: of } });
const serving = (changes: Partial<Serving> = {}): Serving => ({
  environment: "canary",
  hasApplication: true,
  told: second,
  runs: second,
  answers: "1.0.2",
  ...changes,
});
const releases = [released("1.0.2", second, 4), released("1.0.1", first, 2)];

describe("what runs, and the record of releases", () => {
  it("do not differ where the newest release runs", () => {
    expect(servingDifferences([serving()], releases)).toEqual([]);
  });

  it.each<[string, Partial<Serving>, string[]]>([
    ["its Application names another image", { told: first }, [`is told to run ${first}`]],
    ["its Application names no release", { told: null }, ["is told to run the base image"]],
    ["its pods run another image", { runs: first }, [`runs ${first}`]],
    ["no pod is ready", { runs: null }, ["has no pod that is ready"]],
    ["it answers another version", { answers: "1.0.1" }, ["answers 1.0.1 on /version"]],
    ["it answers without a model", { answers: null }, ["answers without a model on /version"]],
    ["a remote cluster runs several", { runs: null, answers: "unknown" }, ["runs no single image that Argo CD names"]],
    [
      "all of it is of the release before",
      { told: first, runs: first, answers: "1.0.1" },
      [`is told to run ${first}`, `runs ${first}`, "answers 1.0.1 on /version"],
    ],
  ])("differ where %s", (_title, changes, said) => {
    expect(servingDifferences([serving(changes)], releases)).toEqual(
      said.map((what) => `canary ${what}, and the record says 1.0.2 (${second})`),
    );
  });

  it("differ where an Application is gone, though its pods go on", () => {
    expect(servingDifferences([serving({ hasApplication: false, told: null })], releases)).toEqual([
      "canary has no Application in Argo CD",
    ]);
  });

  it("are not compared while something is released, and with nothing of other environments", () => {
    const open = record(6, { action: "deploy", endedAt: null });
    expect(servingDifferences([serving({ answers: "1.0.3" })], [open, ...releases])).toEqual([
      "canary can't be compared while a deploy of it goes on: check again when that has ended",
    ]);
    const elsewhere = { ...open, environment: "staging" };
    expect(servingDifferences([serving()], [elsewhere, ...releases])).toEqual([]);
  });

  it("agree on the base image, before the first release and after a revert to it", () => {
    const without = serving({ told: null, runs: base, answers: null });
    const reverted = [released("base", base, 6), ...releases];
    expect(servingDifferences([without], [])).toEqual([]);
    expect(servingDifferences([without], reverted)).toEqual([]);
    expect(servingDifferences([serving()], [])).toEqual([
      `canary is told to run ${second}, and the record says no model`,
      "canary answers 1.0.2 on /version, and the record says no model",
    ]);
    expect(servingDifferences([{ ...without, runs: first }], reverted)).toEqual([
      `canary runs ${first}, and the record says no model`,
    ]);
  });
});

it("What runs is read from the Applications, the pods and /version, in the order of promotion", async () => {
  const application = (name: string, images?: string[]) => ({
    metadata: { name },
    spec: { project: "gourmetgram", destination: { namespace: name }, source: { kustomize: images && { images } } },
  });
  const environment = (name: string, of: string, version: [number, object]): Answers => ({
    [`GET /api/v1/namespaces/${name}/pods?labelSelector=app=${name}`]: {
      items: [
        {
          metadata: {},
          status: { containerStatuses: [{ name: "app", ready: true, imageID: `registry/app@${of}`, restartCount: 0 }] },
        },
      ],
    },
    [`GET /api/v1/namespaces/${name}/services/${name}`]: { spec: { ports: [{ port: 80 }] } },
    [`GET /api/v1/namespaces/${name}/services/${name}:80/proxy/version`]: version,
  });
  const answers: Answers = {
    "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
      items: [
        application("gourmetgram-canary"),
        application("gourmetgram-staging", [`gourmetgram-app=registry/app@${second}`]),
      ],
    },
    ...environment("gourmetgram-staging", first, [200, { model_version: "1.0.1" }]),
    ...environment("gourmetgram-canary", base, [404, {}]),
    ...environment("gourmetgram-production", second, [200, { model_version: "1.0.2" }]),
  };
  const found = await withApiServer(answers, (cluster) => readServing(cluster, ["staging", "canary", "production"]));
  expect(found).toEqual([
    { environment: "staging", hasApplication: true, told: second, runs: first, answers: "1.0.1" },
    { environment: "canary", hasApplication: true, told: null, runs: base, answers: null },
    { environment: "production", hasApplication: false, told: null, runs: second, answers: "1.0.2" },
  ]);
});
