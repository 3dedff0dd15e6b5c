import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../../client/pipeline-run";
import { submit } from "../../client/workflows";
import { lockHolderLabel, pipelineRunLabel } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { followToEnd, registerCandidate, submitBuild } from "./faults";
import {
  alias,
  environment,
  expectSettled,
  lastRelease,
  newestVersion,
  noCandidate,
  servedVersion,
  status,
  stepPhases,
  tags,
  unfinished,
  workflowPhases,
  workflowsPath,
} from "./observations";
import { Report } from "./report";

const report = new Report("scenarios.md", "What became of each model", ["scenario", "what happened"]);
afterAll(() => report.finish());

/** Submits a training as a person does, and follows it. */
async function train(scenario: string): Promise<{ pipelineRun: string; outcome: Outcome }> {
  const pipelineRun = await submit(connect(), "train-model", { scenario });
  return { pipelineRun: pipelineRun, outcome: await followToEnd(pipelineRun) };
}

let bad: string;
let good: string;

describe("Given a pipeline that no model has passed yet", () => {
  describe("When the first model is bad: bad-architecture", () => {
    let pipelineRun: string;
    beforeAll(async () => {
      const trained = await train("bad-architecture");
      pipelineRun = trained.pipelineRun;
      bad = await newestVersion();
      expect(trained.outcome).toMatchObject({ exitCode: 1, word: "Turned away" });
      report.add("first model bad", trained.outcome.sentence);
    });

    it("Then staging is back on the base image, and that is said", async () => {
      await expectSettled({ staging: null, canary: null, production: null });
      const record = await lastRelease("staging");
      expect(record).toMatchObject({ action: "revert", outcome: "reverted", serves: { version: "base" } });
      expect(record.reason).toContain("staging is back on the base image, since no version has passed staging yet");
    });

    it("Then integration judged, resource and load were skipped, and a revert-staging appeared", async () => {
      expect(await stepPhases(pipelineRun, "test-staging")).toEqual({
        integration: "Succeeded",
        resource: "Skipped",
        load: "Skipped",
        "promote-on-success": "Skipped",
        "revert-on-failure": "Succeeded",
        "exit-handler": "Skipped",
        "locked-exit-handler": "Skipped",
      });
      expect(await workflowPhases(pipelineRun)).toEqual({
        "train-model": "Succeeded",
        "build-container-image": "Succeeded",
        "deploy-container-image": "Succeeded",
        "test-staging": "Succeeded",
        "revert-staging": "Succeeded",
      });
    });

    it("Then it is still in MLflow, without the alias, with its verdict and its reason", async () => {
      const known = await tags(bad);
      expect(known).toMatchObject({ "staging.verdict": "fail", "staging.reverted_to": "base" });
      expect(known["staging.reason"]).toMatch(
        /^integration: \/test answers 500: .*\[N, 1000\], not tensor\(float\) \[N, 11\]/,
      );
      expect(await alias("staging")).toBeUndefined();
      expect(await alias("development")).toBe(`1.0.${bad}`);
    });
  });

  describe("When a normal model is trained", () => {
    let production: unknown;
    let pipelineRun: string;
    beforeAll(async () => {
      production = await environment("production");
      const train = await npm("run", "train", "--", "normal");
      expect(train.code).toBe(0);
      pipelineRun = /▶ (train-model-[0-9a-f]+)/.exec(train.output)![1];
      good = await newestVersion();
      report.add("normal", train.output.trimEnd().split("\n").at(-1)!);
    });

    it("Then staging and canary serve it, from one digest, and production is untouched", async () => {
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
      const { environments, urls } = await status();
      const [staging, canary, untouched] = environments;
      expect(canary.digest).toBe(staging.digest);
      expect(untouched).toEqual(production);
      expect(await servedVersion(urls.staging)).toEqual({ status: 200, body: { model_version: `1.0.${good}` } });
      expect(await servedVersion(urls.canary)).toEqual({ status: 200, body: { model_version: `1.0.${good}` } });
    });

    it("Then one of a hundred users meets it at the gateway, and whoever has met it does so again", async () => {
      const { traffic, urls } = await status();
      expect(traffic).toMatchObject({ version: `1.0.${good}`, percent: 1, withdrawn: "", paused: "" });
      const first = await fetch(`${urls.gateway}/version`);
      const met = new RegExp(
        `^gourmetgram-version=(?:canary\\.1\\.0\\.${good}-(\\d+)|production\\.1\\.0\\.${good}-(\\d+)\\.1); Path=/; `,
      ).exec(first.headers.get("set-cookie") ?? "");
      expect(met, first.headers.get("set-cookie") ?? "no cookie").not.toBeNull();
      const cookie = `gourmetgram-version=canary.1.0.${good}-${met![1] ?? met![2]}`;
      for (let request = 0; request < 20; request++) {
        const again = await fetch(`${urls.gateway}/version`, { headers: { cookie } });
        expect([again.status, again.headers.get("x-model-version")]).toEqual([200, `1.0.${good}`]);
      }
    });

    it("Then MLflow says so: the aliases are on it, with a verdict of every gate", async () => {
      const [newest, ...others] = (await status()).models;
      expect(newest.aliases).toEqual(["canary", "development", "staging"]);
      expect(
        Object.entries(newest.verdicts)
          .map(([gate, { verdict }]) => [gate, verdict])
          .sort(),
      ).toEqual([
        ["integration", "pass"],
        ["load", "pass"],
        ["resource", "pass"],
      ]);
      expect(others.flatMap(({ aliases }) => aliases)).toEqual([]);
    });

    it("Then Argo shows a Workflow of its own for each step of the way", async () => {
      expect(await workflowPhases(pipelineRun)).toEqual({
        "train-model": "Succeeded",
        "build-container-image": "Succeeded",
        "deploy-container-image": "Succeeded",
        "test-staging": "Succeeded",
        "promote-model": "Succeeded",
      });
    });

    it("Then the promotion is one record: version, run, data, digest, figures, who, when, outcome", async () => {
      const record = await lastRelease("canary");
      expect(record).toMatchObject({
        action: "promote",
        version: `1.0.${good}`,
        digest: (await environment("canary")).digest,
        modelRun: expect.stringMatching(/^[0-9a-f]{32}$/),
        dataSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        requestedBy: `pipeline run ${pipelineRun}`,
        outcome: "promoted",
        serves: { version: `1.0.${good}` },
      });
      expect(record.figures).toMatchObject({
        "load.successPercent": 100,
        "load.requests": 100,
        "load.p95Ms": expect.any(Number),
        "resource.restarts": 0,
      });
      expect(record.endedAt!.getTime()).toBeGreaterThan(record.startedAt.getTime());
    });
  });
});

describe("Given a version that passed", () => {
  describe("When bad-architecture comes to staging", () => {
    it("Then staging serves the last good version again, and the alias is back on it", async () => {
      const again = await registerCandidate(bad);
      const { exitCode, sentence } = await followToEnd(await submitBuild(again));
      expect(exitCode).toBe(1);
      expect(sentence).toMatch(new RegExp(`^integration: /test answers 500: .*; staging is back on 1\\.0\\.${good}$`));
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
      expect(await alias("staging")).toBe(`1.0.${good}`);
      expect(await tags(again)).toMatchObject({ "staging.verdict": "fail", "staging.reverted_to": `1.0.${good}` });
      report.add("bad-architecture", sentence);
    });
  });

  describe("When an oversized model is trained", () => {
    it("Then its pod is really killed at 256Mi, the resource gate says so, and staging is back", async () => {
      const { pipelineRun, outcome } = await train("oversized");
      expect(outcome.exitCode).toBe(1);
      expect(outcome.sentence).toMatch(
        new RegExp(
          "^resource: OOMKilled: the model needs more than the memory limit of 256Mi \\(\\d+ restarts?\\); " +
            `staging is back on 1\\.0\\.${good}$`,
        ),
      );
      expect(await stepPhases(pipelineRun, "test-staging")).toMatchObject({
        integration: "Succeeded",
        resource: "Succeeded",
        load: "Skipped",
        "revert-on-failure": "Succeeded",
      });
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
      report.add("oversized", outcome.sentence);
    });
  });

  describe("When a slow and a flaky model are trained at once", () => {
    const scenarios = ["slow", "flaky"] as const;
    const outcomes: Record<string, Outcome> = {};
    const pipelineRuns: Record<string, string> = {};
    beforeAll(async () => {
      for (const scenario of scenarios) pipelineRuns[scenario] = await submit(connect(), "train-model", { scenario });
      for (const [index, outcome] of (
        await Promise.all(scenarios.map((scenario) => followToEnd(pipelineRuns[scenario])))
      ).entries())
        outcomes[scenarios[index]] = outcome;
      for (const scenario of scenarios) report.add(scenario, outcomes[scenario].sentence);
    });

    it("Then each fails the load gate, with the figures of its own", async () => {
      const back = `staging is back on 1\\.0\\.${good}$`;
      const tooFew = "[0-9.]+ % of 100 requests succeeded, it must be over 95 %";
      // On a busy machine its answers take more than the ten seconds after which a request counts as failed.
      const tooSlow = `(95 % of the requests took up to [0-9.]+ ms, it must be under 2000 ms|${tooFew})`;
      expect(outcomes.slow.sentence).toMatch(new RegExp(`^load: ${tooSlow}; ${back}`));
      expect(outcomes.flaky.sentence).toMatch(new RegExp(`^load: ${tooFew}; ${back}`));
      expect([outcomes.slow.exitCode, outcomes.flaky.exitCode]).toEqual([1, 1]);
    });

    it("Then both were judged, one after the other, each with its own pod", async () => {
      const { models } = await status();
      const digests = new Set<string>();
      for (const { version } of models.slice(0, 2)) {
        const known = await tags(version.replace("1.0.", ""));
        expect(known["staging.digest"]).toBe(known.image_digest);
        expect(JSON.parse(known["gate.load"]).verdict).toBe("fail");
        digests.add(known.image_digest);
      }
      expect(digests.size).toBe(2);
      const times = [];
      for (const scenario of scenarios) {
        const selector = encodeURIComponent(`${pipelineRunLabel}=${pipelineRuns[scenario]},${lockHolderLabel}`);
        const { items } = await connect().api<{ items: { status: { startedAt: string; finishedAt: string } }[] }>(
          `${workflowsPath}?labelSelector=${selector}`,
        );
        const under = items.map((item) => [Date.parse(item.status.startedAt), Date.parse(item.status.finishedAt)]);
        times.push({ from: Math.min(...under.map(([from]) => from)), to: Math.max(...under.map(([, to]) => to)) });
      }
      const [first, second] = times.sort((a, b) => a.from - b.from);
      expect(second.from).toBeGreaterThanOrEqual(first.to);
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
      report.add("two trainings at once", "both judged, one after the other, each by its own digest");
    });
  });

  describe("When a person promotes it from canary to production", () => {
    it("Then a new pod serves it at :80, the old one is gone, and the alias is on it", async () => {
      const before = await podNames();
      const promote = await npm("run", "promote", "--", good, "canary", "production");
      expect(promote.code).toBe(0);
      await expectSettled({ production: `1.0.${good}`, canary: `1.0.${good}` });
      const { urls, environments } = await status();
      expect(await servedVersion(urls.production)).toEqual({ status: 200, body: { model_version: `1.0.${good}` } });
      expect(await servedVersion(urls.gateway)).toEqual({ status: 200, body: { model_version: `1.0.${good}` } });
      expect((await status()).traffic).toEqual(noCandidate);
      expect(await alias("production")).toBe(`1.0.${good}`);
      expect(environments.find(({ name }) => name === "production")!.digest).toBe(
        environments.find(({ name }) => name === "canary")!.digest,
      );
      const after = await podNames();
      expect(after).toHaveLength(1);
      expect(before).not.toContain(after[0]);
      const record = await lastRelease("production");
      expect(record).toMatchObject({ action: "promote", outcome: "promoted", requestedBy: await connect().username() });
      expect(await unfinished()).toEqual([]);
      report.add("manual promotion", promote.output.trimEnd().split("\n").at(-1)!);
    });
  });
});

describe("Given production serves a model", () => {
  describe("When a worse model is trained", () => {
    it("Then it is not registered, and that says value and bar", async () => {
      const newest = await newestVersion();
      const { outcome } = await train("worse");
      expect(outcome).toMatchObject({ exitCode: 1, word: "Turned away" });
      const said = new RegExp(
        "not registered: accuracy ([0-9.]+) % is [0-9.]+ points below production's " +
          `1\\.0\\.${good} \\([0-9.]+ %\\), and the bar is 2 points`,
      ).exec(outcome.sentence);
      expect(said, outcome.sentence).not.toBeNull();
      expect(Number(said![1])).toBeGreaterThanOrEqual(80);
      expect(Number(said![1])).toBeLessThanOrEqual(85);
      expect(await newestVersion()).toBe(newest);
      expect(await alias("development")).toBe(`1.0.${newest}`);
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: `1.0.${good}` });
      report.add("worse", outcome.sentence);
    });
  });
});

async function podNames(): Promise<string[]> {
  const { items } = await connect().api<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>(
    "/api/v1/namespaces/gourmetgram-production/pods?labelSelector=app%3Dgourmetgram-production",
  );
  return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
}
