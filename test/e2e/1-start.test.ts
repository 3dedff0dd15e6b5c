import { beforeAll, describe, expect, it } from "vitest";
import { npm, npmOneByOne } from "./commands";
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
  });
});
