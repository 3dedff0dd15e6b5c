import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryRoot } from "../lib/paths";
import { python } from "../local/toolchain/virtual-environment";
import { besideTheFirst, inTurn } from "./statistics";

/** Requests of each kind, after one that does not count. */
const requests = 200;
export const scrapeHead = ["", "MEDIAN MS", "P95 MS", "TIMES /VERSION"];

/**
 * A scrape of the app beside a request that takes it hardly any time, and a prediction without and with a scrape at the
 * same moment. The app is a process of its own, so it needs no cluster.
 */
export async function scrapeCost(): Promise<string[][]> {
  const app = spawn(await python(), [join(__dirname, "app_alone.py")], {
    env: { ...process.env, PYTHONPATH: join(repositoryRoot, "test", "images"), PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(app, "close");
  try {
    const first = await createInterface(app.stdout)[Symbol.asyncIterator]().next();
    if (first.done) throw new Error("The app did not start.");
    const addresses: { app: string; metrics: string } = JSON.parse(first.value);
    const scrape = () => ask(addresses.metrics);
    const predict = () => ask(`${addresses.app}/test`);
    const pieces = {
      "/version": () => ask(`${addresses.app}/version`),
      "a scrape": scrape,
      "a prediction": predict,
      "a prediction with a scrape": () => Promise.all([predict(), scrape()]),
    };
    await inTurn(1, pieces);
    return besideTheFirst(await inTurn(requests, pieces));
  } finally {
    app.stdin.end();
    await ended;
  }
}

async function ask(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
}
