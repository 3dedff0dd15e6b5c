import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromiumPath, launchChromium } from "../lib/chromium";

/** A picture of the board, beside the evidence. */
export interface Picture {
  readonly file: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

const views = ["pipeline", "models", "history"];

/**
 * Takes a picture of each view of the board. There are none without a board or a browser.
 * @param address of the board; undefined in a stack without one
 * @returns the pictures, and why there are none, in one sentence
 */
export async function takePictures(
  address: string | undefined,
  folder: string,
): Promise<{ pictures: Picture[]; missing: string }> {
  if (!address) return { pictures: [], missing: "No pictures: this stack has no board." };
  if (!existsSync(chromiumPath()))
    return {
      pictures: [],
      missing: "No pictures of the board: install chromium, or name a browser in GOURMETGRAM_CHROMIUM.",
    };
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const pictures: Picture[] = [];
    for (const view of views) {
      const file = `board-${view}.png`;
      await page.goto(new URL(`#/${view}`, address).href);
      await page.locator("main h1").waitFor({ state: "attached" });
      await page.locator(".state-loading").first().waitFor({ state: "detached" });
      await page.screenshot({ path: join(folder, file), fullPage: true });
      pictures.push({ file, sha256: hashOfFile(join(folder, file)) });
    }
    return { pictures, missing: "" };
  } finally {
    await browser.close();
  }
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
