import { beforeAll, describe, expect, it } from "vitest";
import { submit } from "../../client/workflows";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import {
  deleteWorkflow,
  followToEnd,
  promote,
  registerCandidate,
  submitBuild,
  withFullNamespace,
  withParameters,
} from "./faults";
import {
  alias,
  environment,
  expectSettled,
  lastRelease,
  newestVersion,
  podUids,
  releases,
  status,
  tags,
  unfinished,
  workflowsPath,
} from "./observations";
import { deleteSignatures } from "./registry";
import { withUsers } from "./users";

/** Versions that staging passed and turned away, as their numbers. */
let good: string;
let bad: string;
beforeAll(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
  bad = (await status()).models
    .find(({ verdicts }) => verdicts.integration?.verdict === "fail")!
    .version.replace("1.0.", "");
});

describe("Given the rules of promotion", () => {
  it("When a version is promoted that did not pass, Then it is refused, and nothing has changed", async () => {
    const outcome = await promote(bad, "staging", "canary");
    expect(outcome).toEqual({
      exitCode: 1,
      word: "Turned away",
      sentence: `Version ${bad} has not passed staging with its present image: run build-container-image for it.`,
    });
    expect(await lastRelease("canary")).toMatchObject({
      action: "promote",
      outcome: "refused",
      version: `1.0.${bad}`,
      serves: null,
    });
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
  });

  it("When only MLflow's tags say that a version passed, Then it is refused until it has passed again", async () => {
    const digest = (await environment("staging")).digest!;
    await deleteSignatures(digest);
    expect(JSON.parse((await tags(good))["gate.load"]).verdict).toBe("pass");
    const outcome = await promote(good, "staging", "canary");
    expect(outcome).toEqual({
      exitCode: 1,
      word: "Turned away",
      sentence:
        `Nothing proves that ${digest.slice(0, 19)} of version ${good} passed staging: no verdict of the ` +
        "integration gate on it is signed by a key that counts. Run test-staging for it, or build-container-image.",
    });
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    const again = await followToEnd(await submit(connect(), "test-staging", { "model-version": good, digest: "" }));
    expect(again).toMatchObject({ exitCode: 0, word: "Promoted" });
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
  });

  it("When a person names a way past canary, Then it is refused with one sentence", async () => {
    const outcome = await promote(good, "staging", "production");
    expect(outcome.exitCode).toBe(2);
    await expectSettled({ production: (await environment("production")).version });
  });

  it("When canary has not run a version for as long as it must, Then it is not promoted to production", async () => {
    const { sentence, exitCode } = await withParameters({ "minimum-soak-minutes": "10000" }, () =>
      promote(good, "canary", "production"),
    );
    expect(exitCode).toBe(1);
    expect(sentence).toMatch(
      new RegExp(
        `^canary has to run version ${good} for [0-9.]+ more minutes before it can be promoted: promote it then\\.$`,
      ),
    );
  });

  it("When the target is not healthy in time, Then it returns to the version before, and its alias stays", async () => {
    const next = await registerCandidate(good);
    const before = (await environment("canary")).version;
    const outcome = await withParameters({ "rollout-timeout-seconds": "15" }, () =>
      withFullNamespace("gourmetgram-canary", async () => followToEnd(await submitBuild(next))),
    );
    expect(outcome.exitCode).toBe(2);
    expect(outcome.sentence).toMatch(
      new RegExp(
        `passed staging, but its promotion failed: canary did not run 1\\.0\\.${next} within 15 s: ` +
          `no pod runs the image yet.*canary is back on ${before}`,
      ),
    );
    expect(await alias("canary")).toBe(before);
    const record = (await releases()).find(
      ({ environment: name, action }) => name === "canary" && action === "promote",
    )!;
    expect(record).toMatchObject({ outcome: "broken", version: `1.0.${next}`, serves: null });
    await expectSettled({ staging: `1.0.${next}`, canary: before });
    good = next;
  });
});

describe("Given promotions that somebody froze", () => {
  beforeAll(async () => {
    const frozen = await npm("run", "freeze", "--", "exams until Friday");
    expect(frozen.code).toBe(0);
    expect((await npm("run", "status")).stdout).toMatch(/^Promotions are frozen by .+: exams until Friday$/m);
  });

  it("When a model passes, Then it stays in staging, and the reason is printed", async () => {
    const canary = (await environment("canary")).version;
    const next = await registerCandidate(good);
    const outcome = await followToEnd(await submitBuild(next));
    expect(outcome).toMatchObject({ exitCode: 1, word: "Held" });
    expect(outcome.sentence).toMatch(
      new RegExp(
        "^1\\.0\\.\\d+ passed staging, but was not promoted: Promotions are frozen by .+: exams until Friday\\. " +
          "Run npm run unfreeze to continue\\.$",
      ),
    );
    await expectSettled({ staging: `1.0.${next}`, canary });
    good = next;
  });

  it("When a person promotes, Then it is refused", async () => {
    const outcome = await promote(good, "staging", "canary");
    expect(outcome).toMatchObject({ exitCode: 1, sentence: expect.stringMatching(/^Promotions are frozen by /) });
  });

  it("When a model is bad, Then it is reverted all the same", async () => {
    const { exitCode } = await followToEnd(await submitBuild(await registerCandidate(bad)));
    expect(exitCode).toBe(1);
    await expectSettled({ staging: `1.0.${good}` });
  });

  it("When they are unfrozen, Then a person promotes what passed meanwhile, and the record has both", async () => {
    expect((await npm("run", "unfreeze")).stdout).toMatch(
      /^Promotions are allowed again\. They were frozen by .+: exams until Friday$/m,
    );
    expect(await promote(good, "staging", "canary")).toMatchObject({
      exitCode: 0,
      sentence: `canary serves 1.0.${good}, and 1 % of the users meet it`,
    });
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    const [unfrozen, frozen] = (await releases()).filter(({ action }) => action.endsWith("freeze"));
    expect([unfrozen.outcome, frozen.outcome, frozen.reason]).toEqual(["unfrozen", "frozen", "exams until Friday"]);
    expect(frozen.requestedBy).toBe(await connect().username());
  });
});

describe("Given a version that staging was reverted from", () => {
  it("When it passes after all, Then automation holds, and only a person promotes it", async () => {
    const next = await registerCandidate(good);
    // A bar that no model meets: what it measures is right, what it asks is not.
    const { exitCode } = await withParameters({ "load-max-p95-ms": "1" }, async () =>
      followToEnd(await submitBuild(next)),
    );
    expect(exitCode).toBe(1);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });

    const outcome = await followToEnd(await submitBuild(next));
    expect(outcome).toEqual({
      exitCode: 1,
      word: "Held",
      sentence:
        `1.0.${next} passed staging, but staging was once reverted from it; ` +
        `to promote it, run: npm run promote -- ${next} staging canary`,
    });
    await expectSettled({ staging: `1.0.${next}`, canary: `1.0.${good}` });
    expect((await tags(next))["staging.verdict"]).toBe("pass");

    expect((await npm("run", "promote", "--", next, "staging", "canary")).code).toBe(0);
    await expectSettled({ staging: `1.0.${next}`, canary: `1.0.${next}` });
    good = next;
  });
});

describe("Given the record of what was released, and users who never stop to ask production", () => {
  let before: string;
  let earlier: string;
  let later: string;

  it("When a version goes on to production, Then none of their requests is lost", async () => {
    before = (await environment("production")).version!;
    earlier = new Date().toISOString();
    const { urls } = await status();
    const { result: promotion, answers } = await withUsers([urls.production, urls.gateway], async () => {
      const ended = await npm("run", "promote", "--", good, "canary", "production");
      // The pod of the version before takes requests until it has ended.
      await expect.poll(() => podUids("production"), { timeout: 40_000, interval: 500 }).toHaveLength(1);
      return ended;
    });
    later = new Date().toISOString();
    expect(promotion.code).toBe(0);
    expect(answers.lost).toEqual([]);
    expect([...answers.versions].sort()).toEqual([before, `1.0.${good}`].sort());
  });

  it("When that is over, Then the history says what ran before and after", async () => {
    expect((await npm("run", "history", "--", "--at", earlier, "production")).stdout).toContain(
      `production ran ${before}`,
    );
    const now = (await npm("run", "history", "--", "--at", later, "production")).stdout;
    expect(now).toContain(`production ran 1.0.${good}.`);
    expect(now).toContain((await environment("production")).digest!);
  });

  it("When every Workflow object is deleted, Then the history is the same", async () => {
    const before = await npm("run", "history", "--", "--json");
    const { items } = await connect().api<{ items: { metadata: { name: string } }[] }>(workflowsPath);
    for (const { metadata } of items) await deleteWorkflow(metadata.name);
    const after = await npm("run", "history", "--", "--json");
    expect(JSON.parse(after.stdout)).toEqual(JSON.parse(before.stdout));
    expect(JSON.parse(after.stdout).length).toBeGreaterThan(5);
    expect(await unfinished()).toEqual([]);
    expect(await newestVersion()).toBeTruthy();
  });
});
