import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boardName, boardNamespace } from "../../components/shared/workflow-names";
import { launchChromium } from "../../lib/chromium";
import { repositoryRoot } from "../../lib/paths";
import { ensurePackages } from "../../local/toolchain/debian-packages";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { waitFor } from "./faults";
import { environment, expectSettled, lastRelease, releases, status } from "./observations";
import { type Person, usernameOf, withPeople } from "./people";
import { withStackChange } from "./stack-change";

const minutes = 60_000;
/** Pixels of a picture in the documents: what is further down is the same on all of them. */
const tallest = 1500;
const aTraining = { timeout: 15 * minutes };
const wrongToken = "not-a-token";
let browser: Browser;
let address: string;
/** Every token that the board was given. */
const tokens = [wrongToken];

beforeAll(async () => {
  await ensurePackages(["chromium"], () => undefined);
  browser = await launchChromium();
  address = (await status()).urls.board;
}, 5 * minutes);

afterAll(async () => {
  await browser.close();
  await npm("run", "unfreeze");
});

/** Opens the board in a browser of its own, as somebody who is signed in, or as anybody. */
async function open(person?: Person): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(2 * minutes);
  page.on("pageerror", (error) => expect.fail(`the page failed: ${error.message}`));
  await page.goto(address);
  await page.getByRole("heading", { name: "staging", exact: true }).waitFor();
  if (!person) return page;
  tokens.push(person.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Kubernetes token").fill(person.token);
  await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await page.locator(".session").getByTitle(person.username).waitFor();
  return page;
}

/** Expects that a page, and what the browser keeps for it, do not hold the token of who is signed in. */
async function expectNoToken(page: Page, { token }: Person): Promise<void> {
  expect(await page.content()).not.toContain(token);
  const kept = await page.context().storageState();
  expect(kept.cookies).toHaveLength(1);
  expect(JSON.stringify(kept)).not.toContain(token);
}

const goTo = (page: Page, view: string) => page.getByRole("navigation").getByRole("link", { name: view }).click();

/** Fills in the dialog that is open, and sends it. */
async function send(page: Page, button: string, why = ""): Promise<void> {
  const dialog = page.getByRole("dialog");
  if (why) await dialog.getByLabel("Why").fill(why);
  await dialog.getByRole("button", { name: button }).click();
}

/** Sends the dialog that is open. @returns what the board says was done, which the person then closes */
async function act(page: Page, button: string, why = ""): Promise<string> {
  await send(page, button, why);
  const toast = page.locator(".toast");
  const said = await toast.locator("p").textContent();
  await toast.getByRole("button", { name: "Close" }).click();
  await toast.waitFor({ state: "detached" });
  return said!;
}

/** The pipeline run that the board says it has started. */
const startedRun = (said: string): string => / has started: (\S+)\.$/.exec(said)![1];

/** A pipeline run of a page that was there when it started, and so shows its steps. */
const runOf = (page: Page, name: string): Locator =>
  page.locator(".run").filter({ has: page.getByRole("heading", { name }) });

const stepOf = (page: Page, run: string, name: string): Locator =>
  runOf(page, run)
    .locator(".step")
    .filter({ has: page.locator(".step-name", { hasText: new RegExp(`^${name}$`) }) });

/** Waits until a pipeline run has ended. @returns what the page says became of it */
async function ended(page: Page, name: string) {
  const run = runOf(page, name);
  await run.locator(".run-sentence").waitFor(aTraining);
  return {
    word: await run.locator(".run-title .sign-word").textContent(),
    version: await run.locator(".run-title .chip").textContent(),
    sentence: await run.locator(".run-sentence").textContent(),
  };
}

/** Opens the log of a step that has begun to run. @returns its lines, once there are some */
async function openLog(step: Locator): Promise<Locator> {
  const log = step.locator(".log");
  const lines = log.locator("pre").filter({ hasText: /\S/ });
  const isWritten = async () => {
    // A log that was asked for before its container ran has ended: it is asked for again.
    if (await log.isVisible()) {
      await step.locator("summary").click();
      await log.waitFor({ state: "detached" });
    }
    await step.locator("summary").click();
    return lines.waitFor({ timeout: 20_000 }).then(
      () => true,
      () => false,
    );
  };
  await waitFor("a line of the log", isWritten, 300);
  return lines;
}

/** Waits until the board says that an environment serves a version. */
const served = (page: Page, name: string, version: string) =>
  page
    .locator(".stage-card")
    .filter({ has: page.getByRole("heading", { name, exact: true }) })
    .locator(".stage-version")
    .getByText(version, { exact: true })
    .waitFor();

/** Takes a picture for the documents: of the upper part of the page, or of what is seen around a dialog. */
const picture = async (page: Page, name: string) => {
  if (!process.env.GOURMETGRAM_UPDATE_DOCS) return;
  const { width, height } = page.viewportSize()!;
  const all = await page.evaluate<number>("document.documentElement.scrollHeight");
  const shown = (await page.getByRole("dialog").isVisible()) ? height : Math.min(all, tallest);
  const clip = { x: 0, y: 0, width, height: shown };
  await page.screenshot({ path: join(repositoryRoot, "docs", `board-${name}.png`), fullPage: shown > height, clip });
};

describe("Given the board of a running pipeline", () => {
  it("When anybody opens it, Then it shows the path at once, and nobody can act without a token", async () => {
    const page = await open();
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
    expect(paint).toBeLessThan(5000);
    const names = await page.locator(".stage h3").allTextContents();
    expect(names).toEqual(["staging", "canary", "production"]);
    await page.getByRole("button", { name: "Train …" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByLabel("Kubernetes token").fill(wrongToken);
    await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
    expect(await page.getByRole("alert").textContent()).toBe(
      "The API server does not know this token, or it has expired.",
    );
    await page.context().close();
  });

  it("When a person trains there, Then the run is seen live, to canary or turned away with its reason", async () => {
    await withPeople(["anna"], async ({ anna }) => {
      const page = await open(anna);
      await page.getByRole("button", { name: "Train …" }).click();
      const normal = startedRun(await act(page, "Train"));
      const training = stepOf(page, normal, "train");
      await training.getByText("Running", { exact: true }).waitFor();
      const log = await openLog(training);
      await log.filter({ hasText: "pass 1/" }).waitFor(aTraining);
      // What comes later is not there yet, and comes without a further question.
      expect(await log.textContent()).not.toMatch(/registered \S+ version/);
      await picture(page, "run");
      await log.filter({ hasText: /registered \S+ version/ }).waitFor(aTraining);
      await training.locator("summary").click();

      const promoted = await ended(page, normal);
      const version = promoted.version!;
      expect(promoted).toEqual({ word: "Promoted", version, sentence: expect.stringMatching(/^canary serves /) });
      await served(page, "canary", version);
      expect(await environment("canary")).toMatchObject({ version });
      await picture(page, "pipeline");

      await page.getByRole("button", { name: "Train …" }).click();
      await page.getByLabel("Scenario").selectOption("oversized");
      const oversized = startedRun(await act(page, "Train"));
      const turnedAway = await ended(page, oversized);
      expect(turnedAway).toMatchObject({
        word: "Turned away",
        sentence: expect.stringMatching(/^resource: OOMKilled: /),
      });
      expect(turnedAway.sentence).toMatch(new RegExp(`; staging is back on ${version}$`));
      expect(turnedAway.version).not.toBe(version);
      await stepOf(page, oversized, "resource").getByText("fail", { exact: true }).waitFor();
      await served(page, "staging", version);
      await picture(page, "turned-away");
      expect(await lastRelease("staging")).toMatchObject({
        action: "revert",
        outcome: "reverted",
        requestedBy: `pipeline run ${oversized}`,
        serves: { version },
      });
      await expectSettled({ staging: version, canary: version });

      await goTo(page, "Models");
      await page.getByRole("cell", { name: "oversized" }).first().waitFor();
      await picture(page, "models");
      await page.context().close();
    });
  });

  it("When a person reverts staging there, Then it is back on the version before, and back again", async () => {
    await withPeople(["anna"], async ({ anna }) => {
      const page = await open(anna);
      /** Says that a version in staging is bad. @returns the version that staging is back on */
      const revert = async (version: string, why: string): Promise<string> => {
        await served(page, "staging", version);
        await page.getByRole("button", { name: "Revert …" }).click();
        const end = await ended(page, startedRun(await act(page, "Revert staging", why)));
        const record = await lastRelease("staging");
        const back = record.serves!.version;
        expect(end).toEqual({ word: "Reverted", version, sentence: `staging is back on ${back}` });
        const who = { action: "revert", outcome: "reverted", requestedBy: anna.username };
        expect(record).toMatchObject({ ...who, reason: expect.stringContaining(`${why}; `) });
        await served(page, "staging", back);
        return back;
      };
      const version = (await environment("staging")).version!;
      const before = await revert(version, "people find its colours odd");
      expect(before).not.toBe(version);
      expect(await revert(before, "the newer one was better")).toBe(version);
      await page.context().close();
      await expectSettled({ staging: version });
    });
  });

  it("When production takes an approval, Then another person answers it, and a freeze stops both", async () => {
    const approval = { production: { users: ["anna", "ben"].map(usernameOf), minimum: 1, expiryHours: 1 } };
    const version = (await environment("canary")).version!;
    const before = (await environment("production")).version!;
    await withPeople(["anna", "ben"], ({ anna, ben }) =>
      withStackChange({ pipeline: { approval } }, async (update) => {
        await update;
        const [hers, his] = [await open(anna), await open(ben)];
        const promote = () =>
          hers.getByRole("button", { name: `Promote ${version} from canary to production` }).click();
        /** Anna asks for the promotion. @returns the pipeline run, once Ben sees what it waits for */
        const ask = async () => {
          await promote();
          const run = startedRun(await act(hers, "Promote"));
          const request = his.getByRole("article", { name: `Approval of ${version} for production` });
          const waiting = request.filter({ hasText: "Waiting" });
          await waiting.getByText("people/anna asked").waitFor();
          return run;
        };
        const answer = (page: Page, word: string) =>
          page.getByRole("button", { name: `${word} ${version} for production` }).click();
        /** What Ben finds in the history. */
        const record = (...texts: string[]) =>
          texts.reduce((rows, hasText) => rows.filter({ hasText }), his.getByRole("row")).first();

        const rejected = await ask();
        await answer(hers, "Approve");
        await send(hers, "Approve", "mine");
        expect(await hers.getByRole("alert").textContent()).toContain(
          `${anna.username} asked for this promotion, and may not approve it: another person has to`,
        );
        await picture(hers, "self-approval");
        await hers.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
        await picture(his, "approval");
        await answer(his, "Reject");
        expect(await act(his, "Reject", "not before the tasting")).toBe(`You rejected ${version} for production.`);
        expect(await ended(hers, rejected)).toEqual({
          word: "Turned away",
          version,
          sentence: `${ben.username} rejected the promotion of ${version} to production: not before the tasting`,
        });
        await goTo(his, "History");
        await record("reject production", "not before the tasting").getByRole("button").click();
        await his.getByRole("dialog").getByText(ben.username).waitFor();
        await picture(his, "rejected");
        await his.getByRole("dialog").getByRole("button", { name: "Close" }).click();
        await goTo(his, "Pipeline");

        const asked = await ask();
        await hers.getByRole("button", { name: "Freeze …" }).click();
        const frozen = await act(hers, "Freeze", "exams until Friday");
        expect(frozen).toContain(`Promotions are frozen, by ${anna.username}: exams until Friday.`);
        await his.locator(".notice-freeze").getByText("exams until Friday").waitFor();
        await answer(his, "Approve");
        await act(his, "Approve", "the figures are fine");
        const refused = {
          word: "Turned away",
          version,
          sentence: expect.stringMatching(
            new RegExp(`^Promotions are frozen by ${anna.username} since \\S+: exams until Friday\\.`),
          ),
        };
        expect(await ended(hers, asked)).toEqual(refused);
        await promote();
        await hers.getByRole("dialog").getByText("exams until Friday").waitFor();
        expect(await ended(hers, startedRun(await act(hers, "Promote")))).toEqual(refused);
        await picture(his, "frozen");
        expect(await environment("production")).toMatchObject({ version: before });
        await hers.getByRole("button", { name: "Unfreeze …" }).click();
        await act(hers, "Unfreeze", "exams are over");
        await his.locator(".notice-freeze").waitFor({ state: "detached" });

        const promoted = await ask();
        await answer(his, "Approve");
        await act(his, "Approve", "the tasting went well");
        expect(await ended(hers, promoted)).toEqual({
          word: "Promoted",
          version,
          sentence: `production serves ${version}`,
        });
        await served(his, "production", version);
        await expectSettled({ staging: version, canary: version, production: version });

        await goTo(his, "History");
        await record("approve production", "the tasting went well").waitFor();
        const slider = his.getByLabel("Time", { exact: true });
        const ran = () => his.locator(".served dd").allTextContents();
        const inTime = { timeout: 30_000 };
        await expect.poll(ran, inTime).toEqual([version, version, version]);
        const all = await releases();
        const [begin, promotion] = [
          all.at(-1)!,
          all.find(({ workflow, action }) => workflow === promoted && action === "promote")!,
        ];
        const passed = promotion.startedAt.getTime() - begin.startedAt.getTime();
        const steps = Number(await slider.getAttribute("max"));
        await slider.fill("0");
        await expect.poll(ran, inTime).toEqual(["base image", "base image", "base image"]);
        await slider.fill(String(Math.floor((steps * passed) / (Date.now() - begin.startedAt.getTime()))));
        await expect.poll(ran, inTime).toEqual([version, version, before]);
        await picture(his, "history");

        const freezes = all.filter(({ action }) => action.endsWith("freeze")).slice(0, 2);
        expect(freezes.map(({ action, requestedBy, reason }) => [action, requestedBy, reason])).toEqual([
          ["unfreeze", anna.username, "exams are over"],
          ["freeze", anna.username, "exams until Friday"],
        ]);
        await expectNoToken(hers, anna);
        await expectNoToken(his, ben);
      }),
    );
  });

  it("When its log is read after that, Then it holds no token that anybody gave to the board", async () => {
    const path = `/api/v1/namespaces/${boardNamespace}/pods`;
    const { items } = await connect().api<{ items: { metadata: { name: string } }[] }>(
      `${path}?labelSelector=app%3D${boardName}`,
    );
    expect(items.length).toBeGreaterThan(0);
    for (const { metadata } of items) {
      const log = await text(await connect().stream(`${path}/${metadata.name}/log`, 30));
      expect(tokens.filter((token) => log.includes(token))).toEqual([]);
    }
  });
});
