import { describe, expect, it } from "vitest";
import { checkEnvironment } from "../../cli/history";
import { environmentsOf, readEnvironments } from "../../client/environments";
import { checkPromotionPath } from "../../client/promotion";
import type { Cluster } from "../../lib/kube-client";
import { withApiServer } from "../cli/api-server";

const path = "GET /api/v1/namespaces/argo/configmaps/pipeline-parameters";
const four = {
  [path]: {
    data: {
      environments: '{"staging":"http://a:1","shadow":"http://b:1","canary":"http://c:1","production":"http://d:1"}',
    },
  },
};
const names = environmentsOf(four[path].data);
const asked = <T>(use: (cluster: Cluster) => Promise<T>) => withApiServer(four, use);

describe("the environments of a cluster", () => {
  it("are those of its pipeline, in the order of promotion", async () => {
    expect(await asked(readEnvironments)).toEqual(["staging", "shadow", "canary", "production"]);
  });

  it("are none where there is no pipeline", async () => {
    const absent = { [path]: [404, { message: 'configmaps "pipeline-parameters" not found' }] };
    await withApiServer(absent, async (cluster) => {
      await expect(readEnvironments(cluster)).rejects.toThrow(
        new Error(
          'the cluster has no pipeline (configmaps "pipeline-parameters" not found): run npm start, or pulumi up',
        ),
      );
    });
  });

  it.each([
    ["other parameters", { data: { "accuracy-bar": "0.8" } }],
    ["no parameters", {}],
  ])("are unknown where an older program wrote %s", async (_what, older) => {
    await withApiServer({ [path]: older }, async (cluster) => {
      await expect(readEnvironments(cluster)).rejects.toThrow(
        new Error(
          "the cluster's pipeline does not name its environments, since an older program made it: " +
            "run npm start, or pulumi up",
        ),
      );
    });
  });

  it.each([
    ["staging", "shadow"],
    ["shadow", "canary"],
    ["canary", "production"],
  ])("promote from %s to %s", (source, target) => {
    expect(() => checkPromotionPath(names, source, target)).not.toThrow();
  });

  it.each([
    ["staging", "canary"],
    ["staging", "production"],
    ["canary", "shadow"],
    ["production", "production"],
    ["$(id)", "canary"],
  ])("don't promote from %s to %s", (source, target) => {
    expect(() => checkPromotionPath(names, source, target)).toThrow(
      new Error(
        `there is no promotion from ${source} to ${target}: ` +
          "write staging shadow, or shadow canary, or canary production",
      ),
    );
  });

  it("have a history, and no others do", async () => {
    await expect(asked((cluster) => checkEnvironment(cluster, "shadow"))).resolves.toBeUndefined();
    await expect(asked((cluster) => checkEnvironment(cluster, "qa"))).rejects.toThrow(
      new Error('"qa" is not an environment: write one of staging, shadow, canary, production'),
    );
  });
});
