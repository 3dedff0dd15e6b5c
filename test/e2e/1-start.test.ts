import { beforeAll, describe, expect, it } from "vitest";
import { listWorkflows } from "../../client/workflows";
import { cronLabel } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm, npmOneByOne } from "./commands";
import { waitFor } from "./faults";
import { pageStatus, servedVersion, status } from "./observations";

describe("Given a machine with Node, Go and apt", () => {
  beforeAll(async () => {
    // An interrupted run may have left a cluster with any stacks. If it does not run, npm stop removes all of it.
    expect((await npm("stop", "--", "--keep-data")).code).toBe(0);
    expect((await npm("stop")).code).toBe(0);
  });

  describe("When npm start has ended, in which Pulumi created one object at a time", () => {
    it("Then all eight addresses answer, and no environment has a model", async () => {
      const start = await npmOneByOne("start");
      expect(start.code).toBe(0);
      expect(start.output).toMatch(/^Ready after /m);
      const { environments, models, urls } = await status();
      expect(models).toEqual([]);
      expect(environments.map(({ name, version, health }) => ({ name, version, health }))).toEqual(
        ["staging", "canary", "production"].map((name) => ({ name, version: null, health: "Healthy" })),
      );
      expect(Object.keys(urls).sort()).toEqual([
        "argoCd",
        "argoWorkflows",
        "board",
        "canary",
        "gateway",
        "mlflow",
        "production",
        "staging",
      ]);
      for (const [name, url] of Object.entries(urls)) expect([name, await pageStatus(url)]).toEqual([name, 200]);
      expect(await servedVersion(urls.staging)).toEqual({ status: 404, body: { error: "versions.txt not found" } });
    });

    it("Then a second start changes nothing and takes seconds", async () => {
      const start = await npm("start");
      expect(start.code).toBe(0);
      expect(start.output).toMatch(/Pulumi stack: \d+ unchanged \(/);
      expect(start.seconds).toBeLessThan(120);
    });

    it("Then no Workflow has failed since the cluster is there", async () => {
      // It runs every two minutes. Without it, there may be no Workflow yet.
      await waitFor("the end of a Workflow of cron-shift-traffic", () => endedBySchedule("cron-shift-traffic"), 240);
      const failed = (await listWorkflows(connect())).filter(({ status: now }) =>
        ["Failed", "Error"].includes(now?.phase ?? ""),
      );
      expect(failed.map(({ metadata, status: now }) => `${metadata.name}: ${now?.message}`)).toEqual([]);
    });
  });
});

/** Whether a Workflow of this schedule has ended. */
async function endedBySchedule(name: string): Promise<boolean> {
  const workflows = await listWorkflows(connect());
  return workflows.some(({ metadata, status: now }) => metadata.labels?.[cronLabel] === name && now?.finishedAt);
}
