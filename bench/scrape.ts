import { startApp } from "./app-alone";
import { besideTheFirst, inTurn } from "./statistics";

/** Requests of each kind, after one that does not count. */
const requests = 200;
export const scrapeHead = ["", "MEDIAN MS", "P95 MS", "TIMES /VERSION"];

/**
 * A scrape of the app beside a request that takes it hardly any time, and a prediction without and with a scrape at the
 * same moment. The app is a process of its own, so it needs no cluster.
 */
export async function scrapeCost(): Promise<string[][]> {
  const app = await startApp("today");
  try {
    const scrape = () => ask(`${app.metrics}`);
    const predict = () => ask(`${app.app}/test`);
    const pieces = {
      "/version": () => ask(`${app.app}/version`),
      "a scrape": scrape,
      "a prediction": predict,
      "a prediction with a scrape": () => Promise.all([predict(), scrape()]),
    };
    await inTurn(1, pieces);
    return besideTheFirst(await inTurn(requests, pieces));
  } finally {
    await app.stop();
  }
}

async function ask(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
}
