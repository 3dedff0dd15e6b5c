import { describe, expect, it } from "vitest";
import { parseDays, renderDelivery } from "../../cli/delivery";
import { listRegisteredVersions } from "../../client/models";
import type { Delivery } from "../../lib/delivery";
import { withApiServer } from "./api-server";

const none = { count: 0, median: null, p90: null };
const idle = { deployments: 0, failures: 0, failureShare: null, restore: none, failingSince: null };
const empty: Delivery = {
  from: new Date(0),
  to: new Date(0),
  leadTime: none,
  unknownLeadTimes: 0,
  environments: ["staging", "production"].map((environment) => ({ environment, ...idle })),
  versions: { judged: 0, turnedAway: 0, share: null, by: {} },
};

it("a version is read with when it was registered, and its tags", async () => {
  const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
  const query = "name='GourmetGramFood11Model'&max_results=1000&order_by=version_number DESC";
  const tags = [{ key: "staging.verdict", value: "pass" }];
  const found = { model_versions: [{ version: "7", creation_timestamp: 1_767_607_200_000, tags }] };
  await withApiServer({ [`GET ${mlflow}/model-versions/search?filter=${query}`]: found }, async (cluster) =>
    expect(await listRegisteredVersions(cluster)).toEqual([
      { version: "1.0.7", registeredAt: new Date("2026-01-05T10:00:00Z"), tags: { "staging.verdict": "pass" } },
    ]),
  );
});

describe("the figures of delivery", () => {
  it("say that there was no release", () => {
    expect(renderDelivery(empty, 30)).toBe("No releases in the last 30 days.");
    expect(renderDelivery(empty, 1)).toBe("No releases in the last day.");
  });

  it("are a few lines", () => {
    const restore = { count: 1, median: 125, p90: 125 };
    const delivery: Delivery = {
      ...empty,
      leadTime: { count: 2, median: 3900, p90: 187_200 },
      environments: [
        { environment: "staging", deployments: 8, failures: 2, failureShare: 0.25, restore, failingSince: null },
        { environment: "production", ...idle, failingSince: new Date(0) },
      ],
      versions: { judged: 9, turnedAway: 2, share: 2 / 9, by: { load: 1, resource: 1 } },
    };
    expect(renderDelivery(delivery, 7)).toBe(`Delivery of models in the last 7 days:

lead time to production: median 1 h 05 min, 90 % within 2 d 04 h, of 2
versions turned away: 22 %, 2 of 9 (load 1, resource 1)

ENVIRONMENT  DEPLOYMENTS  FAILED  SHARE  TIME TO RESTORE
staging      8            2       25 %   2 min 05 s, of one
production   0            0       -      -
production has not been restored since 1970-01-01T00:00:00Z.`);
  });

  it.each([
    [none, 0, "no new version came to production"],
    [none, 1, "unknown, of a version that MLflow no longer has"],
    [none, 2, "unknown, of 2 versions that MLflow no longer has"],
    [{ count: 1, median: 60, p90: 60 }, 1, "1 min 00 s, of one; unknown of a version that MLflow no longer has"],
  ])("say of a lead time of %j, with %i unknown: %s", (leadTime, unknownLeadTimes, said) => {
    const environments = empty.environments.map((one) => ({ ...one, deployments: 1 }));
    const lines = renderDelivery({ ...empty, leadTime, unknownLeadTimes, environments }, 30).split("\n");
    expect(lines[2]).toBe(`lead time to production: ${said}`);
  });

  it.each(["0", "-1", "1.5", "9999", "x", ""])("are not of %j days", (text) => {
    expect(() => parseDays(text)).toThrow(`--days "${text}" is not a number of days: write one from 1 to 3650`);
  });
});
