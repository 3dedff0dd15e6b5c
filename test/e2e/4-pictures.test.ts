import { beforeAll, describe, expect, it } from "vitest";
import { sendTraffic } from "../../cli/traffic";
import type { Outcome } from "../../cli/traffic-tally";
import type { Workflow } from "../../client/workflows";
import { parentLabel } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import {
  awaitEvent,
  followToEnd,
  registerCandidate,
  runSchedule,
  schedule,
  stopWorkflow,
  submitBuild,
  waitFor,
  withPause,
} from "./faults";
import { environment, expectSettled, lastRelease, samples, status, workflowsPath } from "./observations";
import { withStackChange } from "./stack-change";

/** Sends ten pictures a second to the gateway. @returns what came of those that were not answered as they should be */
async function send(kind: "normal" | "drifted", seconds: number): Promise<Outcome[]> {
  const url = new URL("/predict", (await status()).urls.gateway);
  const outcomes = await sendTraffic({ kind, rate: 10, seconds, url }, () => {}, new AbortController().signal);
  return outcomes.filter(({ status: answered }) => answered !== 200);
}

/** What one look for data drift said. */
async function look(): Promise<string> {
  await runSchedule("cron-watch-data-drift");
  const { items } = await connect().api<{ items: Workflow[] }>(
    `${workflowsPath}?labelSelector=${encodeURIComponent("workflows.argoproj.io/cron-workflow=cron-watch-data-drift")}`,
  );
  const newest = items.sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp)).at(-1)!;
  const step = Object.values(newest.status!.nodes!).find(
    ({ type, displayName }) => type === "Retry" && displayName === "watch",
  )!;
  return step.outputs!.parameters!.find(({ name }) => name === "reason")!.value!;
}

/** Version that every environment serves at the beginning. */
let good: string;
beforeAll(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
  if ((await environment("production")).version !== `1.0.${good}`)
    expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
});

describe("Given a stack that keeps answers", () => {
  it("When users come, Then copies are compared, and pictures that drift start a training", async () => {
    const changes = {
      // Of ten seconds the sample has room for a sixtieth of this: for all of the hundred that come.
      environments: { canary: { answersKept: 1000 }, production: { answersKept: 6000 } },
      pipeline: { canary: { mirrorRequests: true }, dataDrift: {} },
    };
    await withStackChange(changes, async (update) => {
      await update;
      const next = await registerCandidate(good);
      await withPause(3600, async () => {
        expect((await followToEnd(await submitBuild(next))).word).toBe("Promoted");
        await schedule("cron-shift-traffic", "* * * * *");
        const lost: Outcome[] = [];
        await waitFor(
          "a comparison of more than 50 of the users' pictures",
          async () => {
            lost.push(...(await send("normal", 10)));
            const compared = /on \d+ of (\d+) users' pictures/.exec((await status()).traffic!.analysis);
            return Number(compared?.[1]) > 50;
          },
          240,
        );
        expect(lost).toEqual([]);
        expect((await npm("run", "promote", "--", next, "canary", "production")).code).toBe(0);
      });
      const { disagreement } = await lastRelease("production");
      // It is the same model under another version.
      expect(disagreement!.copies).toMatchObject({ differing: {} });
      expect(disagreement!.copies!.compared).toBeGreaterThan(50);
      expect((await npm("run", "history", "--", "production")).output).toContain(disagreement!.sentence);
      good = next;

      expect(await send("normal", 20)).toEqual([]);
      expect(await look()).toMatch(/ is 0\.\d+ from the training in \d+ answers, within 0\.35$/);
      expect(await send("drifted", 20)).toEqual([]);
      expect(await look()).toMatch(/ is 0\.\d+ from the training in \d+ answers, over 0\.35$/);
      expect((await npm("run", "status")).output).toMatch(
        /^Data drift in production: 1 of 2 looks over 0\.35, the latest at 0\.\d+ \(\w+\)\.$/m,
      );
      expect(await send("drifted", 20)).toEqual([]);
      const said = await look();
      expect(said).toContain(`people send 1.0.${good} other pictures than it learnt from: `);
      await awaitEvent("production", `DataDrift: ${said}: a training starts`);
      const training = await waitFor("a training", async () => {
        const { items } = await connect().api<{ items: Workflow[] }>(
          `${workflowsPath}?labelSelector=${encodeURIComponent(parentLabel)}`,
        );
        return items.find(({ spec }) => spec.workflowTemplateRef?.name === "train-model");
      });
      console.log(said);
      await stopWorkflow(training.metadata.name);
      await waitFor(
        "the alert of the drift",
        async () => (await samples('ALERTS{alertname="DataDrift"}')).length > 0,
        120,
      );
    });
    await schedule("cron-shift-traffic", "*/2 * * * *");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: `1.0.${good}` });
  });
});
