import { setTimeout } from "node:timers/promises";
import { percentile } from "../lib/percentile";
import { type Serving, startApp } from "./app-alone";

/**
 * As many clients as the load gate sends at once, nearly as many as the app lets wait (64), and twice as many: those
 * that wait for as long as an answer "busy" asks, and those that ask again at once.
 */
const cases = [
  { name: "10", count: 10, waits: true },
  { name: "60", count: 60, waits: true },
  { name: "120", count: 120, waits: true },
  { name: "120, at once", count: 120, waits: false },
];
const rounds = 2;
/** In which the clients of a round begin requests. */
const roundSeconds = 5;
/** After which an answer is lost. */
const patienceSeconds = 60;
const servings: readonly Serving[] = ["before", "today"];
export const appHead = ["CLIENTS", "SERVED AS", "OK/S", "P50 MS", "P95 MS", "OK", "BUSY", "LOST"];

/** What became of the requests of some rounds. */
export interface Load {
  /** From the first request to the last answer. */
  seconds: number;
  /** Milliseconds of each answer with status 200. */
  ok: number[];
  /** Answers with status 503. */
  busy: number;
  /** Requests with another answer, or none. */
  lost: number;
}

/**
 * The app under more and more clients, each of which asks `/test` again once it has an answer: today's listener
 * beside waitress alone, which served the app before. Each is a process of its own, and they are asked in turn.
 */
export async function appUnderLoad(): Promise<string[][]> {
  const apps = [];
  try {
    for (const serving of servings) apps.push(await startApp(serving));
    const urls = apps.map(({ app }) => `${app}/test`);
    for (const url of urls) await ask(url, nothing()); // The first of each loads what the app loads late.
    const rows = [];
    for (const { name, count, waits } of cases) {
      const loads = servings.map(() => nothing());
      for (let round = 0; round < rounds; round++)
        for (const [which, url] of urls.entries()) await loadOnce(url, count, waits, loads[which]);
      rows.push(...loadRows(name, loads[0], loads[1]));
    }
    return rows;
  } finally {
    for (const app of apps) await app.stop();
  }
}

/** A row of each load, and one of how many times the first one's figures the second one's are. */
export function loadRows(clients: string, before: Load, today: Load): string[][] {
  const figures = ({ seconds, ok }: Load) => [
    ok.length / seconds,
    percentile(ok, 0.5) ?? Number.NaN,
    percentile(ok, 0.95) ?? Number.NaN,
  ];
  const row = (serving: Serving, load: Load) => [
    clients,
    serving,
    ...figures(load).map((figure, which) => text(figure, which === 0 ? 1 : 0)),
    ...[load.ok.length, load.busy, load.lost].map(String),
  ];
  const first = figures(before);
  const ratios = figures(today).map((figure, which) => text(figure / first[which], 2));
  return [row("before", before), row("today", today), [clients, "times", ...ratios, "", "", ""]];
}

const text = (figure: number, digits: number) => (Number.isFinite(figure) ? figure.toFixed(digits) : "-");

const nothing = (): Load => ({ seconds: 0, ok: [], busy: 0, lost: 0 });

async function loadOnce(url: string, count: number, waits: boolean, load: Load): Promise<void> {
  const begun = performance.now();
  const end = begun + roundSeconds * 1000;
  let last = begun;
  const client = async () => {
    while (performance.now() < end) {
      const pause = await ask(url, load);
      last = performance.now();
      if (waits) await setTimeout(pause * 1000);
    }
  };
  await Promise.all(Array.from({ length: count }, client));
  load.seconds += (last - begun) / 1000;
}

/**
 * One request, counted in a load.
 * @returns Seconds after which the answer asks for the next one.
 */
async function ask(url: string, load: Load): Promise<number> {
  const begun = performance.now();
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patienceSeconds * 1000) });
    await answer.arrayBuffer();
    if (answer.status === 200) load.ok.push(performance.now() - begun);
    else if (answer.status === 503) load.busy++;
    else load.lost++;
    return Number(answer.headers.get("retry-after") ?? 0);
  } catch {
    load.lost++;
    return 0;
  }
}
