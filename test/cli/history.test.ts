import { describe, expect, it } from "vitest";
import { parseTime, renderHistory, renderServed } from "../../cli/history";
import { MlflowError } from "../../client/mlflow";
import { listNewestReleases, listReleases, parseRelease, type Run, servedAt } from "../../client/releases";
import { withApiServer } from "./api-server";

const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const experiment = `GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`;
const time = (minute: number) => Date.parse(`2026-01-05T10:${String(minute).padStart(2, "0")}:00Z`);

function run(
  start: number,
  end: number | undefined,
  tags: Record<string, string>,
  metrics: Record<string, number> = {},
): Run {
  const pairs = <T>(values: Record<string, T>) => Object.entries(values).map(([key, value]) => ({ key, value }));
  return {
    info: { run_id: `r${start}`, start_time: time(start), ...(end !== undefined && { end_time: time(end) }) },
    data: { tags: pairs(tags), metrics: pairs(metrics) },
  };
}

const about = { action: "promote", environment: "production", requested_by: "anna" };
const disagreement = {
  sentence: "disagrees with production on 12 of 340 users' pictures: Soup 7, Meat 5",
  copies: { compared: 340, differing: { Meat: 5, Soup: 7 } },
};
const first = run(1, 2, {
  ...about,
  app_version: "1.0.5",
  digest: "sha256:5",
  outcome: "promoted",
  reason: "production serves 1.0.5",
  serves_version: "1.0.5",
  serves_digest: "sha256:5",
});
const second = run(
  10,
  12,
  {
    ...about,
    app_version: "1.0.7",
    digest: "sha256:7",
    model_run: "abc",
    data_sha256: "dd",
    workflow: "promote-model-x",
    outcome: "promoted",
    reason: "production serves 1.0.7",
    serves_version: "1.0.7",
    serves_digest: "sha256:7",
    target_changed: "yes",
    disagreement: JSON.stringify(disagreement),
  },
  { "load.p95Ms": 110.5 },
);
const refused = run(20, 21, { ...about, app_version: "1.0.8", outcome: "refused", reason: "Promotions are frozen" });
const goingOn = run(30, undefined, { ...about, app_version: "1.0.9" });
const releases = [goingOn, refused, second, first].map(parseRelease);

describe("the records", () => {
  it("are not there while MLflow is away, which one sentence says", async () => {
    const away = [503, { kind: "Status", message: 'no endpoints available for service "mlflow"' }];
    await withApiServer({ [experiment]: away }, async (cluster) => {
      await expect(listReleases(cluster)).rejects.toThrow(
        new MlflowError(
          'MLflow does not answer (503: no endpoints available for service "mlflow"): ' +
            "see its pod with kubectl --kubeconfig /state/kubeconfig " +
            "describe pods --namespace gourmetgram-platform --selector app=mlflow",
        ),
      );
    });
  });

  it("are read page by page", async () => {
    const pages = [{ runs: [second], next_page_token: "t" }, { runs: [first] }];
    const answers = { [experiment]: { experiment: { experiment_id: "4" } } };
    const search = `POST ${mlflow}/runs/search`;
    const paged = new Proxy(answers, {
      has: (target, line) => line === search || line in target,
      get: (target, line: string) => (line === search ? pages.shift() : (target as any)[line]),
    });
    await withApiServer(paged, async (cluster, calls) => {
      expect((await listReleases(cluster)).map(({ version }) => version)).toEqual(["1.0.7", "1.0.5"]);
      expect(calls.slice(1).map(({ body }) => body.page_token)).toEqual([undefined, "t"]);
      expect(calls[1].body).toEqual({
        experiment_ids: ["4"],
        max_results: 1000,
        order_by: ["attributes.start_time DESC"],
      });
    });
  });

  it("are asked for no further than they are shown, of one environment", async () => {
    const search = `POST ${mlflow}/runs/search`;
    const page = { runs: [second, first], next_page_token: "t" };
    const answers = { [experiment]: { experiment: { experiment_id: "4" } }, [search]: page };
    await withApiServer(answers, async (cluster, calls) => {
      const { releases: newest, hasOlder } = await listNewestReleases(cluster, 1, { environment: "production" });
      expect([newest.map(({ version }) => version), hasOlder]).toEqual([["1.0.7"], true]);
      expect(calls.slice(1).map(({ body }) => body)).toEqual([
        {
          experiment_ids: ["4"],
          max_results: 2,
          order_by: ["attributes.start_time DESC"],
          filter: "tags.environment = 'production'",
        },
      ]);
      expect(renderHistory(newest, hasOlder).split("\n").at(-1)).toBe("and older ones: npm run history -- --all");
    });
  });

  it("have none left out where all fit", async () => {
    const search = `POST ${mlflow}/runs/search`;
    const answers = { [experiment]: { experiment: { experiment_id: "4" } }, [search]: { runs: [second, first] } };
    const { releases: newest, hasOlder } = await withApiServer(answers, (cluster) => listNewestReleases(cluster, 2));
    expect([newest.length, hasOlder]).toEqual([2, false]);
  });

  it("are none before the first release", async () => {
    await withApiServer({ [experiment]: [404, { error_code: "RESOURCE_DOES_NOT_EXIST" }] }, async (cluster) =>
      expect(await listReleases(cluster)).toEqual([]),
    );
  });

  it("say everything of a promotion", () => {
    expect(parseRelease(second)).toEqual({
      action: "promote",
      environment: "production",
      version: "1.0.7",
      digest: "sha256:7",
      modelRun: "abc",
      dataSha256: "dd",
      figures: { "load.p95Ms": 110.5 },
      disagreement,
      requestedBy: "anna",
      workflow: "promote-model-x",
      outcome: "promoted",
      reason: "production serves 1.0.7",
      targetChanged: true,
      serves: { version: "1.0.7", digest: "sha256:7" },
      startedAt: new Date(time(10)),
      endedAt: new Date(time(12)),
    });
  });
});

it("says of a record whether its environment was told anything, and of an old one that nobody knows", () => {
  const changed = (tags: Record<string, string>) => parseRelease(run(1, 2, { ...about, ...tags })).targetChanged;
  expect([changed({ target_changed: "yes" }), changed({ target_changed: "no" }), changed({})]).toEqual([
    true,
    false,
    null,
  ]);
});

describe("a record from before anything was compared", () => {
  it.each([undefined, "", "null", "no JSON", "5", '{"copies":{}}'])("has no disagreement: %s", (text) => {
    const tags: Record<string, string> = text === undefined ? {} : { disagreement: text };
    expect(parseRelease(run(1, 2, { ...about, ...tags })).disagreement).toBeNull();
  });
});

describe("npm run history", () => {
  it("lists them", () => {
    expect(renderHistory(releases.slice(0, 3))).toBe(
      [
        "TIME                  ENVIRONMENT  ACTION   VERSION  OUTCOME   BY    REASON",
        "2026-01-05T10:30:00Z  production   promote  1.0.9    running   anna  -",
        "2026-01-05T10:20:00Z  production   promote  1.0.8    refused   anna  Promotions are frozen",
        "2026-01-05T10:10:00Z  production   promote  1.0.7    promoted  anna  production serves 1.0.7; 1.0.7 " +
          disagreement.sentence,
      ].join("\n"),
    );
    expect(renderHistory([])).toBe("Nothing has been released yet. To train a model, run npm run train -- normal");
  });

  it.each([
    [1, "base"],
    [2, "1.0.5"],
    [11, "1.0.5"],
    [12, "1.0.7"],
    [59, "1.0.7"],
  ])("knows what ran at minute %i: %s", (minute, version) => {
    expect(servedAt(releases, "production", new Date(time(minute)))?.serves?.version ?? "base").toBe(version);
    expect(servedAt(releases, "canary", new Date(time(minute)))).toBeUndefined();
  });

  it("says what ran, and where it is from", () => {
    const at = new Date(time(15));
    expect(renderServed("production", at, servedAt(releases, "production", at))).toBe(
      [
        "At 2026-01-05T10:15:00Z production ran 1.0.7.",
        "  image       sha256:7",
        "  since       2026-01-05T10:12:00Z, by promote of anna",
        "  MLflow run  abc",
        "  data        sha256:dd",
        "  gates       load.p95Ms 110.5",
        `  canary      ${disagreement.sentence}`,
      ].join("\n"),
    );
    expect(renderServed("canary", at, undefined)).toBe(
      "At 2026-01-05T10:15:00Z canary ran the base image, without a model.",
    );
  });

  it.each([
    ["2026-01-05", "2026-01-05T00:00:00.000Z"],
    ["2026-01-05 10:20", "2026-01-05T10:20:00.000Z"],
    ["2026-01-05T10:20:30+02:00", "2026-01-05T08:20:30.000Z"],
  ])("takes the time %s", (text, wanted) => expect(parseTime(text).toISOString()).toBe(wanted));

  it.each(["", "yesterday", "2026-13-01", "10:20", "2026-01-05T10:20:00Z; id"])("refuses the time %j", (text) => {
    expect(() => parseTime(text)).toThrow(new Error(`"${text}" is not a time: write it as in 2026-01-31T12:00:00Z`));
  });
});
