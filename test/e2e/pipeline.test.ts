import { beforeAll, describe, expect, it } from "vitest";
import { npm } from "./commands";
import { newestChain, page, served, status } from "./observations";

const gates = ["integration", "load", "resource"];

describe("Given a machine with Node, Go and apt", () => {
  beforeAll(async () => {
    // What an earlier run that was cut off may have left.
    expect((await npm("stop")).code).toBe(0);
  });

  describe("When npm start has ended", () => {
    it("Then all six addresses answer, and no environment has a model", async () => {
      const start = await npm("start");
      expect(start.code).toBe(0);
      expect(start.output).toMatch(/^Ready after /m);
      const { environments, models, urls } = await status();
      expect(models).toEqual([]);
      expect(environments.map(({ name, version, health }) => ({ name, version, health }))).toEqual(
        ["staging", "canary", "production"].map((name) => ({ name, version: null, health: "Healthy" })),
      );
      expect(Object.keys(urls).sort()).toEqual(["argoCd", "argoWorkflows", "canary", "mlflow", "production", "staging"]);
      for (const [name, url] of Object.entries(urls)) expect([name, await page(url)]).toEqual([name, 200]);
      expect(await served(urls.staging)).toEqual({ status: 404, body: { error: "versions.txt not found" } });
    });

    it("Then a second start changes nothing and takes seconds", async () => {
      const start = await npm("start");
      expect(start.code).toBe(0);
      expect(start.output).toMatch(/Pulumi stack: \d+ unchanged \(/);
      expect(start.seconds).toBeLessThan(120);
    });
  });
});

describe("Given a pipeline without a model", () => {
  describe.each([1, 2])("When a normal model is trained for the %i. time", (version) => {
    let production: unknown;
    beforeAll(async () => {
      production = (await status()).environments.find(({ name }) => name === "production");
      const train = await npm("run", "train", "--", "normal");
      expect(train.code).toBe(0);
    });

    it("Then staging and canary serve it, from one digest, and production is untouched", async () => {
      const { environments, urls } = await status();
      const [staging, canary, untouched] = environments;
      expect([staging.version, canary.version]).toEqual([`1.0.${version}`, `1.0.${version}`]);
      expect(canary.digest).toBe(staging.digest);
      expect(untouched).toEqual(production);
      expect(await served(urls.staging)).toEqual({ status: 200, body: { model_version: `1.0.${version}` } });
      expect(await served(urls.canary)).toEqual({ status: 200, body: { model_version: `1.0.${version}` } });
    });

    it("Then MLflow says so: the aliases are on it, with a verdict of every gate", async () => {
      const [newest, ...others] = (await status()).models;
      expect(newest.version).toBe(`1.0.${version}`);
      expect(newest.aliases).toEqual(["canary", "development", "staging"]);
      expect(Object.keys(newest.verdicts).sort()).toEqual(gates);
      expect(Object.values(newest.verdicts).map(({ verdict }) => verdict)).toEqual(["pass", "pass", "pass"]);
      expect(others.flatMap(({ aliases }) => aliases)).toEqual([]);
    });

    it("Then Argo shows a Workflow of its own for each step of the way", async () => {
      expect(await newestChain()).toEqual({
        "train-model": "Succeeded",
        "build-container-image": "Succeeded",
        "deploy-container-image": "Succeeded",
        "test-staging": "Succeeded",
        "promote-model": "Succeeded",
      });
    });
  });
});

describe("Given a running pipeline with models", () => {
  it("When it is stopped, Then nothing is left", async () => {
    const stop = await npm("stop");
    expect(stop.code).toBe(0);
    expect(stop.output).toMatch(/nothing is left/i);
  });
});
