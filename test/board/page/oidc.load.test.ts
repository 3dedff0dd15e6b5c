import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Board } from "../browser";
import { type RunningProvider, startProvider } from "../provider";
import { useBoards } from "./boards";

const boards = useBoards();
let provider: RunningProvider;

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());
afterEach(() => {
  vi.useRealTimers();
});

async function serve(issuer = provider.issuer): Promise<Board> {
  const board = await boards().serve("usual", 0, { issuer, clientId: "board", scopes: ["email"] });
  provider.register(board.address);
  return board;
}

/** Opens the board in a browser that knows nobody yet. */
async function open({ address }: Board, ignoreHTTPSErrors = true): Promise<Page> {
  const page = await boards().browser.newPage({ ignoreHTTPSErrors });
  // The provider's own page asks for a font.
  await page.route(/fonts\.googleapis\.com/, (route) => route.abort());
  await page.goto(`${address}#/history`);
  return page;
}

async function leave(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: /^Sign in at 127/ }).click();
}

/** Signs in at the provider as anna, up to its question whether the board may know. */
async function signInAsAnna(page: Page): Promise<void> {
  await leave(page);
  await page.getByPlaceholder("Enter any login").fill("anna");
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByText("Authorize").waitFor();
}

async function comeBack(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Continue" }).click();
}

const problem = (page: Page) => page.getByRole("dialog").getByRole("alert").textContent();

describe("signing in at a provider", () => {
  it("leads back to where the person was, and leaves neither code nor token in the page", async () => {
    const page = await open(await serve());
    await signInAsAnna(page);
    await comeBack(page);
    await page.getByText("You are signed in as oidc:anna.").waitFor();
    expect(new URL(page.url()).search + new URL(page.url()).hash).toBe("#/history");
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([0, 0]);
  });

  it("asks again once the token has expired", async () => {
    const page = await open(await serve());
    await signInAsAnna(page);
    await comeBack(page);
    await page.getByText("You are signed in as oidc:anna.").waitFor();
    // The board's clock alone: the API server refuses the token from now on.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 3_600_000 });
    await page.getByRole("button", { name: "Train …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Train" }).click();
    await page.getByRole("button", { name: /^Sign in at 127/ }).waitFor();
  });

  it("says that the person did not agree", async () => {
    const page = await open(await serve());
    await signInAsAnna(page);
    await page.getByText("[ Cancel ]").click();
    expect(await problem(page)).toMatch(/^You have not let 127\.0\.0\.1:\d+ tell the board who you are: sign in again/);
  });

  it("counts only in the tab in which it began", async () => {
    const board = await serve();
    const page = await open(board);
    await leave(page);
    await page.getByPlaceholder("Enter any login").waitFor();
    await page.goto(`${board.address}?code=stolen&state=of-somebody-else`);
    expect(await problem(page)).toBe("This sign-in did not begin in this tab, so it does not count: begin it again.");
    expect(new URL(page.url()).search).toBe("");
  });

  it("is refused with a code that the provider did not give", async () => {
    const board = await serve();
    const page = await open(board);
    await leave(page);
    await page.getByPlaceholder("Enter any login").waitFor();
    await page.goBack();
    const state = await page.evaluate(() => JSON.parse(sessionStorage.getItem("board-sign-in")!).state as string);
    const iss = encodeURIComponent(provider.issuer);
    await page.goto(`${board.address}?code=made-up&state=${state}&iss=${iss}`);
    expect(await problem(page)).toMatch(/^127\.0\.0\.1:\d+ refused the sign-in: /);
  });

  it("is refused where the provider has another issuer", async () => {
    const page = await open(await serve(provider.issuer.replace("127.0.0.1", "localhost")));
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("button", { name: /^Sign in at localhost/ }).click();
    expect(await problem(page)).toMatch(/^What localhost:\d+ answered is not right: .*issuer/);
  });

  it("says that the provider does not answer", async () => {
    const page = await open(await serve(), false);
    await leave(page);
    expect(await problem(page)).toMatch(
      /^127\.0\.0\.1:\d+ did not answer, or does not let pages of http:\/\/127\.0\.0\.1:\d+ ask it \(CORS\)\.$/,
    );
  });
});
