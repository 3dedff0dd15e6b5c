import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { type Board, looks } from "../browser";
import { makeScene, type SceneName } from "../scenes";
import { useBoards } from "./boards";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const boards = useBoards();

type Options = NonNullable<Parameters<Browser["newPage"]>[0]>;

/** Opens a view. @returns the page, and what the browser complained about */
async function open(board: Board, hash: string, options: Options = {}) {
  const page = await boards().browser.newPage({ reducedMotion: "reduce", ...options });
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(board.address + hash);
  await page.locator("main h1, main .state-loading").first().waitFor({ state: "attached" });
  return { page, complaints };
}

/** Opens a view of which everything has come, or has failed. */
async function openWhole(board: Board, hash: string, options: Options = {}) {
  const opened = await open(board, hash, options);
  await opened.page.locator("main h1").waitFor({ state: "attached" });
  await opened.page.waitForFunction(() => document.querySelectorAll(".state-loading").length === 0);
  return opened;
}

/** What axe finds wrong, as `rule: element`. */
async function violations(page: Page): Promise<string[]> {
  // Through the browser's own protocol, since the policy of the page forbids a script that is not its own.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const found = await (window as any).axe.run(document, { resultTypes: ["violations"] });
    return found.violations.flatMap(({ id, nodes }: any) => nodes.map(({ html }: any) => `${id}: ${html}`));
  });
}

/** Opens a view as its scene has it: what is said of what comes, or of what could not be read, stands there. */
async function openLook(board: Board, scene: SceneName, hash: string, options: Options) {
  if (scene !== "loading") {
    const opened = await openWhole(board, hash, options);
    expect(await opened.page.locator(".notice.tone-bad").count()).toBe(scene === "failing" ? failures[hash] : 0);
    return opened;
  }
  const opened = await open(board, hash, options);
  await opened.page
    .getByText(/^Loading .* …$/)
    .first()
    .waitFor();
  return opened;
}

/** How many things of a view MLflow knows. */
const failures: Readonly<Record<string, number>> = { "#/pipeline": 1, "#/models": 1, "#/history": 3 };

const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

describe.each(looks)("the view $name", ({ scene, hash }) => {
  it.each(["light", "dark"] as const)("is accessible and fits its width (%s)", async (colorScheme) => {
    const board = await boards().serve(scene);
    for (const viewport of Object.values(sizes)) {
      const { page, complaints } = await openLook(board, scene, hash, { colorScheme, viewport });
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
      // A browser complains about each answer that is an error.
      expect(complaints.filter((text) => scene !== "failing" || !text.includes("502 (Bad Gateway)"))).toEqual([]);
      await page.close();
    }
  });
});

describe("with the keyboard alone", () => {
  /** Presses Tab until the element with this name has the focus. */
  async function tabTo(page: Page, name: string): Promise<void> {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
      if (focused === name) return;
    }
    throw new Error(`Tab never came to "${name}"`);
  }

  it("a person signs in and approves", async () => {
    const { page, complaints } = await openWhole(await boards().serve("usual"), "#/pipeline");
    await tabTo(page, "Approve …");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Kubernetes token").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.type("a-token");
    await page.keyboard.press("Enter");
    await dialog.getByLabel("Why").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.type("looks good");
    await tabTo(page, "Approve");
    await page.keyboard.press("Enter");
    await page.getByText("You have approved the promotion.").waitFor();
    await page.getByText("“looks good”").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("Escape closes a dialog, and the focus is back where it was", async () => {
    const { page } = await openWhole(await boards().serve("usual"), "#/pipeline");
    await tabTo(page, "Freeze …");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe("Freeze …");
  });

  it("a token that the API server does not know is refused in the dialog", async () => {
    const { page } = await openWhole(await boards().serve("usual"), "#/pipeline");
    await tabTo(page, "Sign in");
    await page.keyboard.press("Enter");
    await page.getByLabel("Kubernetes token").waitFor();
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("The API server does not know this token.").waitFor();
  });

  it("the log of a step opens, and follows what the step writes", async () => {
    const { page } = await openWhole(await boards().serve("usual"), "#/pipeline");
    await page.locator(".step summary").first().focus();
    await page.keyboard.press("Enter");
    await page.getByText("epoch 3:").waitFor();
  });
});

it("a thousand versions can be scrolled to the last one, with few rows at a time", async () => {
  const { page, complaints } = await openWhole(await boards().serve("large"), "#/models", { viewport: sizes.desk });
  const box = page.getByRole("region", { name: "Versions of the model" });
  const oldest = box.getByRole("link", { name: "1.0.1", exact: true });
  for (let scrolls = 0; scrolls < 60 && (await oldest.count()) === 0; scrolls++) {
    await box.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await page.waitForTimeout(50);
  }
  await oldest.waitFor();
  expect(await box.getByRole("row").count()).toBeLessThan(60);
  expect(await box.getByRole("table").getAttribute("aria-rowcount")).toBe("1001");
  expect(complaints).toEqual([]);
});

it("the record is looked at by action and version, on all its pages", async () => {
  const { page, complaints } = await openWhole(await boards().serve("large"), "#/history", { viewport: sizes.desk });
  const box = page.getByRole("region", { name: "List of records" });
  await page.getByLabel("Action").selectOption("revert");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".row-button")].every(({ textContent }) => textContent?.startsWith("revert")),
  );
  const oldest = box.getByRole("row").filter({ hasText: "1.0.1" }).getByText("1.0.1", { exact: true });
  for (let scrolls = 0; scrolls < 60 && (await oldest.count()) === 0; scrolls++) {
    await box.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await page.waitForTimeout(50);
  }
  await oldest.waitFor();
  await page.getByRole("textbox", { name: "Version" }).fill("1.0.1");
  await page.keyboard.press("Enter");
  await expect.poll(() => box.getByRole("row").count()).toBe(2);
  expect(await page.evaluate(() => location.hash)).toBe("#/history?action=revert&version=1.0.1");
  expect(complaints).toEqual([]);
});

it("a version's releases are beside it, and in the history", async () => {
  const { page, complaints } = await openWhole(await boards().serve("usual"), "#/models/1.0.22", {
    viewport: sizes.desk,
  });
  const releases = page.getByRole("region", { name: "Releases" });
  await releases.getByText("promote canary").waitFor();
  await releases.getByRole("link", { name: /^\d+ records of 1\.0\.22 in the history$/ }).click();
  expect(await page.evaluate(() => location.hash)).toBe("#/history?version=1.0.22");
  expect(complaints).toEqual([]);
});

it.each(["#/pipeline", "#/history"])("what the record says is renewed once a release is on it (%s)", async (hash) => {
  const board = await boards().serve("usual");
  const page = await boards().browser.newPage();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const view = makeScene("usual", Date.now()).pipelineAt(Date.now());
  const [first, ...others] = view.environments;
  let isRecorded = false;
  await page.route("**/api/pipeline", (route) => {
    const environments = [{ ...first, since: isRecorded ? view.at : null }, ...others];
    const body = `retry: 100\nevent: pipeline\ndata: ${JSON.stringify({ ...view, environments })}\n\n`;
    return route.fulfill({ contentType: "text/event-stream", body });
  });
  await page.goto(board.address + hash);
  await page.locator(".timeline").first().waitFor();
  const wanted = ["/api/history", "/api/served", ...(hash === "#/history" ? ["/api/delivery"] : [])];
  const areAsked = () => wanted.every((path) => asked.includes(path));
  await expect.poll(areAsked).toBe(true);
  await page.waitForTimeout(300);
  asked.length = 0;
  await page.waitForTimeout(500);
  expect(new Set(asked)).toEqual(new Set(["/api/pipeline"]));
  isRecorded = true;
  await expect.poll(areAsked).toBe(true);
  await page.close();
});

it("the page says when it lost the server, and is live again when it is back", async () => {
  const board = await boards().serve("usual");
  const { page } = await openWhole(board, "#/pipeline");
  board.stop();
  await page.getByText(/^Connection lost since .* What you see is from /).waitFor();
  await page.getByText("1.0.24").first().waitFor();
  await boards().serve("usual", board.port);
  await page.getByText("Live", { exact: true }).waitFor();
});
