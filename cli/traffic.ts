import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { missingFileRemedy } from "../lib/as-root";
import { runMain } from "../lib/main";
import { repositoryRoot } from "../lib/paths";
import { machineUrls } from "../local/urls";
import { lossSentence, type Outcome, progressLine, summaryTable } from "./traffic-tally";

const kinds = ["normal", "drifted", "broken"] as const;
type Kind = (typeof kinds)[number];

const usage = `Usage: npm run traffic -- [${kinds.join("|")}] [--rate <number>] [--seconds <number>] [--url <url>]

Sends pictures where people do, and prints every 5 seconds what came back. --rate: requests a second, 1 to 200, default
5. --seconds: 1 to 3600, default 60. --url: default the gateway's, or without one production's. Ctrl-C ends it early.
normal: a picture of each class. drifted: the same ones dark, grainy and in wrong colours. broken: no pictures, and
pictures that are cut off; the app answers 400. Exit code 0: every request was answered. 1: some were lost. 2: it could
not be sent.`;

export interface TrafficOptions {
  readonly kind: Kind;
  /** Requests a second, 1 to 200. */
  readonly rate: number;
  /** How long they are sent, 1 to 3600 s. */
  readonly seconds: number;
  /** Address of an app, over HTTP. */
  readonly url: URL;
}

/** Requests without an answer yet; more are not sent before one of these is answered. The app has 500 connections. */
const openBar = 400;
/** Time after which an answer is no longer waited for, in ms. */
const timeout = 30_000;
const timedOut = Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
const reportEveryMs = 5000;

/** @throws for anything that is no option, or out of range */
export function trafficOptions(args: string[], urls: Record<string, string>): TrafficOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rate: { type: "string", default: "5" },
      seconds: { type: "string", default: "60" },
      // With a gateway, people open its address.
      url: { type: "string", default: urls.gateway ?? urls.production },
    },
  });
  const [kind = "normal", ...more] = positionals;
  if (more.length > 0 || !isKind(kind)) {
    const given = positionals.join(" ");
    throw new Error(`"${given}" is not a kind of traffic: write one of ${kinds.join(", ")}`);
  }
  return {
    kind,
    rate: wholeNumber("rate", values.rate, 200),
    seconds: wholeNumber("seconds", values.seconds, 3600),
    url: address(values.url),
  };
}

const isKind = (text: string): text is Kind => (kinds as readonly string[]).includes(text);

function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most)
    throw new Error(`--${name} is ${text}: write a whole number from 1 to ${most}`);
  return number;
}

function address(text: string | undefined): URL {
  if (text === undefined)
    throw new Error(
      `the address of production is not known here: ${missingFileRemedy()}, or write --url http://<address>`,
    );
  if (!URL.canParse(text) || new URL(text).protocol !== "http:")
    throw new Error(`--url is ${text}: write an address such as http://127.0.0.1:80`);
  return new URL("/predict", text);
}

const folders = {
  normal: join(repositoryRoot, "workflows", "pictures"),
  drifted: join(__dirname, "drifted-pictures"),
};

/** The files that are sent, one after the other and again from the first. */
export function filesOf(kind: Kind): Buffer[] {
  const read = (name: keyof typeof folders) =>
    readdirSync(folders[name])
      .sort()
      .map((file) => readFileSync(join(folders[name], file)));
  if (kind !== "broken") return read(kind);
  const [first, ...others] = read("normal");
  const cutOff = others.map((picture) => picture.subarray(0, picture.length / 2));
  const noPictures = ["", "no picture", "<svg xmlns='http://www.w3.org/2000/svg'/>", "%PDF-1.7\n"].map(Buffer.from);
  return [...noPictures, first.subarray(0, 20), ...cutOff];
}

const boundary = "gourmetgram-traffic";

/** The form that the app's page sends. */
function form(file: Buffer): Buffer {
  const head = 'Content-Disposition: form-data; name="file"; filename="dish.jpg"\r\nContent-Type: image/jpeg';
  return Buffer.concat([Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), file, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** Sends one form on a connection of its own. It always comes to an outcome. */
function send(url: URL, body: Buffer): Promise<Outcome> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const end = (came: Omit<Outcome, "seconds">) => {
      clearTimeout(timer);
      resolve({ ...came, seconds: (performance.now() - begun) / 1000 });
    };
    const lose = ({ code, message }: NodeJS.ErrnoException) =>
      end({ status: null, version: null, lostBy: code ?? message });
    const call = request(url, {
      method: "POST",
      // A kept connection may be closed by the app just as it is used: a loss that people do not see.
      agent: false,
      headers: { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": body.length },
    });
    const timer = setTimeout(() => call.destroy(timedOut), timeout);
    call.on("error", lose);
    call.on("response", (answer) => {
      answer.on("error", lose);
      answer.on("end", () => {
        const version = answer.headers["x-model-version"];
        end({ status: answer.statusCode!, version: typeof version === "string" ? version : "unknown", lostBy: null });
      });
      answer.resume();
    });
    call.end(body);
  });
}

/**
 * Sends the traffic, and tells what came of it while it does.
 * @param stop ends it early: what was sent is still waited for
 * @param reportMs time between two lines, in ms
 * @returns the outcome of every request that was sent
 */
export async function sendTraffic(
  { kind, rate, seconds, url }: TrafficOptions,
  print: (line: string) => void,
  stop: AbortSignal,
  reportMs = reportEveryMs,
): Promise<Outcome[]> {
  const forms = filesOf(kind).map(form);
  const outcomes: Outcome[] = [];
  const open = new Set<Promise<void>>();
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  let sent = 0;
  let told = { sent: 0, ended: 0 };
  const tell = () => {
    if (sent > told.sent || outcomes.length > told.ended)
      print(progressLine(passed(), sent - told.sent, outcomes.slice(told.ended)));
    told = { sent, ended: outcomes.length };
  };
  const sendDue = () => {
    const due = Math.min(Math.floor(passed() * rate) + 1, rate * seconds);
    while (sent < due && open.size < openBar) {
      const one: Promise<void> = send(url, forms[sent++ % forms.length]).then((outcome) => {
        outcomes.push(outcome);
        open.delete(one);
      });
      open.add(one);
    }
  };
  await new Promise<void>((resolve) => {
    const reporter = setInterval(tell, reportMs);
    const sender = setInterval(tick, 1000 / rate);
    function tick() {
      if (!stop.aborted) sendDue();
      if (!stop.aborted && passed() < seconds) return;
      clearInterval(sender);
      clearInterval(reporter);
      stop.removeEventListener("abort", tick);
      resolve();
    }
    stop.addEventListener("abort", tick);
    tick();
  });
  await Promise.all(open);
  tell();
  return outcomes;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usage);
    return 0;
  }
  const options = trafficOptions(args, machineUrls());
  const { kind, rate, seconds, url } = options;
  const stop = new AbortController();
  // The second one ends the process at once.
  process.once("SIGINT", () => stop.abort());
  console.log(`${kind}: ${rate} a second for ${seconds} s to ${url.href}`);
  const outcomes = await sendTraffic(options, console.log, stop.signal);
  console.log(`\n${summaryTable(outcomes)}`);
  const losses = lossSentence(outcomes);
  if (losses) console.log(losses);
  const held = rate * seconds - outcomes.length;
  if (held > 0) console.log(`${held} of ${rate * seconds} requests were not sent${stop.signal.aborted ? "" : reason}.`);
  return outcomes.some(({ status }) => status === null) ? 1 : 0;
}

const reason = `, since ${openBar} were waiting for an answer`;

if (require.main === module) runMain(main, 2);
