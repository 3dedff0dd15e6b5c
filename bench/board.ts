import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Browser } from "playwright-core";
import { buildPage } from "../board/build";
import { launchChromium } from "../lib/chromium";
import { largePipeline, withLargePipeline } from "./large-pipeline";
import { row } from "./statistics";

const visits = 5;

/** What the server sends of each file of a built page, in bytes. */
export async function pageSizes(folder: string): Promise<{ name: string; bytes: number }[]> {
  const packed = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".gz")).sort();
  return Promise.all(
    packed.map(async (name) => ({ name: name.replace(/[.]gz$/, ""), bytes: (await stat(join(folder, name))).size })),
  );
}

/** The same as a table, in kB. The bar is 300 kB. */
async function sizeRows(folder: string): Promise<string[][]> {
  const sizes = await pageSizes(folder);
  const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);
  const rows = sizes.map(({ name, bytes }) => [basename(name).replace(/-[\w-]{8}(?=\.)/, ""), kilobytes(bytes)]);
  return [...rows, ["all", kilobytes(sizes.reduce((sum, { bytes }) => sum + bytes, 0))]];
}

/** What `npm run bench -- board` prints: a table each. */
export interface BoardFigures {
  /** Files of the page, in kB as the server sends them. */
  readonly sizes: string[][];
  /** Times with a large pipeline, in ms. */
  readonly times: string[][];
}

/** Measures the page on the board's real server, over a large pipeline that is played. It needs no cluster. */
export async function boardFigures(): Promise<BoardFigures> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-board-"));
  try {
    await buildPage(folder);
    const times = await withLargePipeline(folder, async (address) => [
      row("an answer with 100 versions", await answerTimes(`${address}/api/models`)),
      ...(await pageTimes(address)),
      ...(await withBrowser(async (browser) => {
        const list = await listTimes(browser, address);
        const { times, work } = await scrollVersions(browser, address);
        return [
          row("the list of models, from the click", list),
          row("a frame while all versions scroll", times),
          row("of it the page's own work", work),
        ];
      })),
    ]);
    return { sizes: await sizeRows(folder), times };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function withBrowser<T>(use: (browser: Browser) => Promise<T>): Promise<T> {
  const browser = await launchChromium();
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

async function answerTimes(address: string): Promise<number[]> {
  const times: number[] = [];
  for (let visit = 0; visit < 4 * visits; visit++) {
    const begun = performance.now();
    await (await fetch(address)).json();
    times.push(performance.now() - begun);
  }
  return times;
}

/** Times of the board's page in a new browser each, in ms since it was asked for. @param address of a board */
export async function pageTimes(address: string): Promise<string[][]> {
  const paints: number[] = [];
  const lists: number[] = [];
  for (let visit = 0; visit < visits; visit++)
    await withBrowser(async (browser) => {
      const page = await browser.newPage();
      await page.goto(`${address}/#/models`);
      await page.locator("main table, main .state-empty").first().waitFor();
      lists.push(await page.evaluate(() => performance.now()));
      const entries = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint"));
      paints.push(entries[0].startTime);
    });
  return [row("first paint", paints), row("the list of models, from the address", lists)];
}

/** From the click on the list of models until it is drawn, in ms. */
async function listTimes(browser: Browser, address: string): Promise<number[]> {
  const times: number[] = [];
  const page = await browser.newPage();
  for (let visit = 0; visit < 2 * visits; visit++) {
    await page.goto(`${address}/?${visit}#/pipeline`);
    await page.locator(".stage-card").first().waitFor();
    times.push(
      await page.evaluate(async () => {
        const { document, location, requestAnimationFrame } = globalThis as any;
        const begun = performance.now();
        location.hash = "#/models";
        while (!document.querySelector("main table")) await new Promise((resolve) => requestAnimationFrame(resolve));
        return performance.now() - begun;
      }),
    );
  }
  return times;
}

interface Frames {
  /** Time of each frame, in ms: 16.7 at 60 in a second. */
  readonly times: number[];
  /** Time of a processor that the page took for a frame, in ms: what a busy machine does not lengthen. */
  readonly work: number[];
}

/** Loads all versions, then scrolls through them. */
async function scrollVersions(browser: Browser, address: string): Promise<Frames> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/#/models`);
  const table = page.getByRole("region", { name: "Versions of the model" });
  const oldest = table.getByRole("link", { name: "1.0.1", exact: true });
  for (let scrolls = 0; scrolls < 100 && (await oldest.count()) === 0; scrolls++) {
    await table.evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await page.waitForTimeout(100);
  }
  await oldest.waitFor();
  await table.evaluate((box) => box.scrollTo(0, 0));
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
  };
  const [times, work]: [number[], number[]] = [[], []];
  for (let part = 0; part < visits; part++) {
    const before = await worked();
    const frames = await table.evaluate(scroll, framesInPart);
    work.push(((await worked()) - before) / framesInPart);
    times.push(...frames);
  }
  return { times, work };
}

const framesInPart = 60;

/** Runs in the page. @returns the time of each frame, in ms */
async function scroll(box: { scrollBy: (x: number, y: number) => void }, count: number): Promise<number[]> {
  const frames: number[] = [];
  let last = 0;
  while (frames.length <= count) {
    box.scrollBy(0, 160);
    const at = await new Promise<number>((resolve) => (globalThis as any).requestAnimationFrame(resolve));
    frames.push(at - last);
    last = at;
  }
  // The first one has none before it.
  return frames.slice(1);
}

/** What the large pipeline has, in words. */
export const largeWords = `${largePipeline.environments} environments and ${largePipeline.versions} versions`;
