import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../../lib/chromium";
import { repositoryRoot } from "../../lib/paths";
import { ensurePackages } from "../../local/toolchain/debian-packages";
import { npm } from "./commands";
import { environment, expectSettled, releases, status } from "./observations";
import { type Person, usernameOf, withPeople } from "./people";
import { withStackChange } from "./stack-change";

const minutes = 60_000;
const aTraining = { timeout: 15 * minutes };
let browser: Browser;
let address: string;

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
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Kubernetes token").fill(person.token);
  await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await page.getByTitle(person.username).waitFor();
  return page;
}

/** Fills in the dialog that is open, and sends it. */
async function send(page: Page, button: string, why = ""): Promise<void> {
  const dialog = page.getByRole("dialog");
  if (why) await dialog.getByLabel("Why").fill(why);
  await dialog.getByRole("button", { name: button }).click();
}

/** Waits until the board says that an environment serves a version. */
const served = (page: Page, name: string, version: string) =>
  page
    .locator(".stage-card")
    .filter({ has: page.getByRole("heading", { name, exact: true }) })
    .locator(".stage-number", { hasText: version })
    .waitFor();

const picture = async (page: Page, name: string) => {
  if (!process.env.GOURMETGRAM_UPDATE_DOCS) return;
  const close = page.getByRole("button", { name: "Close", exact: true });
  if (await close.isVisible()) await close.click();
  await page.screenshot({ path: join(repositoryRoot, "docs", `board-${name}.png`), fullPage: true });
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
    await page.getByLabel("Kubernetes token").fill("not-a-token");
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
      await send(page, "Train");
      await page.getByText("The training normal has started").waitFor();
      await page.locator(".step", { hasText: "train" }).first().getByText("Running").waitFor();
      await picture(page, "run");
      const hers = (said: string) =>
        page.locator(".run").filter({ hasText: anna.username }).filter({ hasText: said }).first();
      await hers("Promoted").waitFor(aTraining);
      const version = (await environment("canary")).version!;
      await served(page, "canary", version);
      await picture(page, "pipeline");

      await page.getByRole("button", { name: "Train …" }).click();
      await page.getByLabel("Scenario").selectOption("oversized");
      await send(page, "Train");
      await hers("OOMKilled: the model needs more than the memory limit").waitFor(aTraining);
      await served(page, "staging", version);

      await page.getByRole("link", { name: "Models" }).click();
      await page.getByRole("cell", { name: "oversized" }).first().waitFor();
      await picture(page, "models");
      const [newest] = await releases();
      expect(newest.requestedBy).toMatch(/^pipeline run train-model-/);
      await page.context().close();
    });
  });

  it("When production takes an approval, Then one person asks, another approves, and a freeze stops both", async () => {
    const approval = { production: { users: ["anna", "ben"].map(usernameOf), minimum: 1, expiryHours: 1 } };
    const version = (await environment("canary")).version!;
    await withPeople(["anna", "ben"], ({ anna, ben }) =>
      withStackChange({ pipeline: { approval } }, async (update) => {
        await update;
        const [hers, his] = [await open(anna), await open(ben)];
        const promote = () =>
          hers.getByRole("button", { name: `Promote ${version} from canary to production` }).click();
        const answer = (page: Page, word: string) =>
          page.getByRole("button", { name: `${word} ${version} for production` }).click();

        await promote();
        await send(hers, "Promote");
        await answer(hers, "Approve");
        await send(hers, "Approve", "mine");
        expect(await hers.getByRole("alert").textContent()).toContain(
          `${anna.username} asked for this promotion, and may not approve it: another person has to`,
        );
        await hers.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
        await his.getByText(`${anna.username} asked`).first().waitFor();
        await picture(his, "approval");
        await answer(his, "Approve");
        await send(his, "Approve", "looked at canary for an hour");
        await served(his, "production", version);
        await expectSettled({ canary: version, production: version });

        await hers.getByRole("button", { name: "Freeze …" }).click();
        await send(hers, "Freeze", "exams until Friday");
        await his.getByText("exams until Friday").first().waitFor();
        await picture(his, "frozen");
        await hers.getByRole("button", { name: /Unfreeze/ }).click();
        await send(hers, "Unfreeze", "exams are over");
        await his.getByText("exams until Friday").first().waitFor({ state: "detached" });

        await his.getByRole("link", { name: "History" }).click();
        await his.getByText("looked at canary for an hour").first().waitFor();
        await his.getByLabel("Time", { exact: true }).fill("0");
        await his.getByText(/^At .* ran:/).waitFor();
        await picture(his, "history");
        expect((await releases()).slice(0, 2).map(({ action, requestedBy }) => [action, requestedBy])).toEqual([
          ["unfreeze", anna.username],
          ["freeze", anna.username],
        ]);
      }),
    );
  });
});
