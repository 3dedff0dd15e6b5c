import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { chromiumPath, launchChromium } from "../lib/chromium";

/** A picture of the board, beside the evidence. */
export interface Picture {
  readonly file: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** The pictures that were taken. */
export interface Pictures {
  readonly pictures: readonly Picture[];
  /** Why some are missing, as the rest of a sentence; an empty string where none is. */
  readonly missing: string;
  /** Whether the board or the browser failed. A stack without a board and a machine without a browser did not. */
  readonly failed: boolean;
}

const views = ["pipeline", "models", "history"];
const fileOf = (view: string) => `board-${view}.png`;

/**
 * Takes a picture of each view of the board, in place of those of an earlier check.
 * @param address of the board; undefined in a stack without one
 */
export async function takePictures(address: string | undefined, folder: string): Promise<Pictures> {
  for (const view of views) rmSync(join(folder, fileOf(view)), { force: true });
  if (!address) return none("this stack has no board");
  if (!existsSync(chromiumPath()))
    return none("there is no browser: install chromium, or name one in GOURMETGRAM_CHROMIUM");
  const pictures: Picture[] = [];
  try {
    const browser = await launchChromium();
    try {
      for (const view of views) pictures.push(await takePicture(browser, address, view, folder));
    } finally {
      await browser.close();
    }
  } catch (error) {
    return { pictures, missing: firstLine(error as Error), failed: true };
  }
  return { pictures, missing: "", failed: false };
}

const none = (missing: string): Pictures => ({ pictures: [], missing, failed: false });

/** Playwright adds its log of the call. */
const firstLine = ({ message }: Error): string => message.split("\n")[0].replace(/[.:]$/, "");

/** In a page of its own: after a view of the same page, what is seen could still be that one. */
async function takePicture(browser: Browser, address: string, view: string, folder: string): Promise<Picture> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(new URL(`#/${view}`, address).href);
  await page.locator("main h1").waitFor({ state: "attached" });
  await page.locator(".state-loading").first().waitFor({ state: "detached" });
  const file = fileOf(view);
  await page.screenshot({ path: join(folder, file), fullPage: true });
  await page.close();
  return { file, sha256: hashOfFile(join(folder, file)) };
}

/** What is wrong with the pictures of a folder, in one sentence each. */
export function pictureProblems(pictures: readonly Picture[], folder: string): string[] {
  return pictures.flatMap(({ file, sha256 }) => {
    const path = join(folder, file);
    if (!/^board-[a-z]+\.png$/.test(file) || !existsSync(path)) return [`the picture ${file} is missing`];
    return hashOfFile(path) === sha256 ? [] : [`the picture ${file} was changed after it was taken`];
  });
}

const hashOfFile = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
