import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildPage } from "../board/build";
import { launchChromium } from "../lib/chromium";
import { row } from "./statistics";

const visits = 5;

/** What a browser loads of the board's page, in kB as gzip sends it. The bar is 300 kB. */
export async function boardSize(): Promise<string[][]> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-board-"));
  try {
    await buildPage(folder);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const sizes = await Promise.all(
      files.map(async ({ parentPath, name }) => gzipSync(await readFile(join(parentPath, name))).length / 1000),
    );
    const rows = files.map(({ name }, index) => [name.replace(/-[\w-]{8}(?=\.)/, ""), sizes[index].toFixed(1)]);
    return [...rows.sort(), ["all", sizes.reduce((sum, size) => sum + size, 0).toFixed(1)]];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Times of the board's page in a new browser each, in milliseconds since it was asked for. */
export async function boardTimes(address: string): Promise<string[][]> {
  const paints: number[] = [];
  const lists: number[] = [];
  for (let visit = 0; visit < visits; visit++) {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${address}/#/models`);
      await page.locator("main table, main .state-empty").first().waitFor();
      lists.push(await page.evaluate(() => performance.now()));
      const entries = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint"));
      paints.push(entries[0].startTime);
    } finally {
      await browser.close();
    }
  }
  return [row("first paint", paints), row("the list of models", lists)];
}
