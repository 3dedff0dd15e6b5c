import { afterAll, expect, it } from "vitest";
import { submit, type Workflow } from "../../client/workflows";
import { modelName } from "../../images/model";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { changeByHand, followToEnd, runSchedule, waitFor } from "./faults";
import { environment, expectSettled, lastRelease, workflowsPath } from "./observations";
import { withReceiver } from "./receiver";
import { withStackChange } from "./stack-change";

afterAll(async () => {
  await npm("run", "unfreeze");
});

/** Looks what happened, as the schedule does every minute. */
async function notify(): Promise<void> {
  const name = await submit(connect(), "notify", {});
  const phase = await waitFor("the end of notify", async () => {
    const { status } = await connect().api<Workflow>(`${workflowsPath}/${name}`);
    return status?.finishedAt && status.phase;
  });
  expect(phase).toBe("Succeeded");
}

const promote = (number: string) =>
  submit(connect(), "promote-model", {
    "model-version": number,
    "source-environment": "staging",
    "target-environment": "canary",
  }).then(followToEnd);

it("When something happens, Then the receiver is told with a signature, and an Event says the same", async () => {
  const version = (await environment("staging")).version!;
  const number = version.replace("1.0.", "");
  await withReceiver((secret, messages) =>
    withStackChange({ pipeline: { notifications: { e2e: { secret } } } }, async (update) => {
      await update;
      await notify(); // A new receiver gets nothing old: it begins here.
      expect(await messages()).toEqual([]);

      expect((await npm("run", "freeze", "--", "told")).code).toBe(0);
      const refused = await promote(number);
      expect(refused.word).toBe("Turned away");
      await notify();
      expect((await npm("run", "unfreeze")).code).toBe(0);
      const promoted = await promote(number);
      expect(promoted.word).toBe("Promoted");
      await notify();

      const told = await messages();
      const triggers = told.map(({ trigger }) => trigger);
      expect(triggers.slice(0, 2)).toEqual(["frozen", "turned-away"]);
      // The end of a freeze has the time at which it was seen, so it may come before or after the promotion.
      expect(triggers.slice(2).sort()).toEqual(["frozen", "promoted"]);
      expect(told.map(({ isGenuine }) => isGenuine)).toEqual([true, true, true, true]);
      const [frozen, turnedAway] = told;
      const onward = told.find(({ trigger }) => trigger === "promoted")!;
      expect(turnedAway).toMatchObject({ environment: "canary", version, sentence: refused.sentence });
      expect(onward).toMatchObject({ environment: "canary", version, sentence: promoted.sentence });

      const event = (namespace: string, about: string, id: string) =>
        connect().api(`/api/v1/namespaces/${namespace}/events/${about}.${id}`);
      expect(await event("argo", "promotion-freeze", frozen.id)).toMatchObject({
        type: "Warning",
        reason: "Frozen",
        message: frozen.sentence,
      });
      expect(await event("argocd", "gourmetgram-canary", turnedAway.id)).toMatchObject({
        type: "Warning",
        reason: "TurnedAway",
        message: turnedAway.sentence,
      });
      expect(await event("argocd", "gourmetgram-canary", onward.id)).toMatchObject({
        type: "Normal",
        reason: "Promoted",
        message: onward.sentence,
      });

      await changeByHand("DELETE", "registered-models/alias", { name: modelName, alias: "canary" });
      await runSchedule("cron-restore-releases");
      await notify();
      const restored = (await messages()).slice(told.length);
      const { reason } = await lastRelease("canary");
      expect(reason).toContain("the alias canary was on no version");
      expect(restored).toMatchObject([
        { trigger: "restored", environment: "canary", version, sentence: reason, isGenuine: true },
      ]);
    }),
  );
  await expectSettled({ staging: version, canary: version });
});
