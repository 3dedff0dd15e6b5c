import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ActAnswer, OidcProvider, OidcView } from "../api";
import { perform, readAct } from "./act";
import { sendError, sendJson } from "./answers";
import { EventStream, eventText } from "./event-stream";
import { checkHost } from "./host";
import type { InCluster } from "./in-cluster";
import { LiveView } from "./live-view";
import { PipelineReader } from "./pipeline-reader";
import { questions } from "./questions";
import { Refusal } from "./refusal";
import { checkOrigin, readJson } from "./request-body";
import { Doorman, type SignIn } from "./sign-in";
import { readPage, type StaticFile, securityHeaders, sentOf } from "./static-files";
import { readStepLog, type StepName, stepNameOf } from "./step-log";
import type { WatchTiming } from "./watch";
import { WatchedCluster } from "./watched-cluster";

export interface BoardOptions {
  /** The cluster for the board's own account. */
  readonly cluster: InCluster;
  /** Addresses of the environments and of other pages, by name. */
  readonly links: Readonly<Record<string, string>>;
  /** Names under which it may be asked, at any port, beside addresses and localhost. */
  readonly hosts: readonly string[];
  /** Where people sign in beside with a token; null for nowhere. */
  readonly oidc: OidcProvider | null;
  /** Folder of the built page. */
  readonly page: string;
  readonly timing?: WatchTiming;
}

/** Streams at the same time: of the pipeline, and of logs, each of which is a call of the API server too. */
const mostPages = 500;
const mostLogs = 50;

/** The board: the page, and the API of `board/api.ts`. */
export class Board {
  /** Not listening yet. */
  readonly server: Server;
  private readonly cluster: WatchedCluster;
  private readonly live: LiveView;
  private readonly doorman: Doorman;
  private readonly hosts: readonly string[];
  private readonly oidc: OidcView;
  private readonly headers: readonly [string, string][];
  private readonly files: ReadonlyMap<string, StaticFile>;
  private readonly pages = new Set<EventStream>();
  private readonly logs = new Set<EventStream>();

  constructor({ cluster, links, hosts, oidc, page, timing }: BoardOptions) {
    this.hosts = hosts;
    this.oidc = { provider: oidc };
    this.headers = Object.entries(securityHeaders(oidc));
    this.files = readPage(page);
    this.doorman = new Doorman(cluster);
    this.cluster = new WatchedCluster(cluster, () => this.live.markChanged(), timing);
    const reader = new PipelineReader(this.cluster, links);
    // Bytes, since each page would be sent a copy of a text.
    this.live = new LiveView(async (now) => Buffer.from(eventText("pipeline", JSON.stringify(await reader.read(now)))));
    const limits = { maxHeaderSize: 64 * 1024, headersTimeout: 10_000, requestTimeout: 30_000 };
    this.server = createServer(limits, (request, response) => void this.answer(request, response));
    this.server.maxConnections = 2 * (mostPages + mostLogs);
  }

  /** Ends the streams and takes no further requests. */
  stop(): void {
    this.live.stop();
    this.cluster.stop();
    for (const stream of [...this.pages, ...this.logs]) stream.end();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of this.headers) response.setHeader(name, value);
    try {
      await this.route(request, response);
    } catch (error) {
      sendError(response, error);
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = addressOf(request);
    // A probe tells nobody anything.
    if (pathname !== "/healthz") checkHost(request.headers.host, this.hosts);
    const [, area, name = "", ...rest] = pathname.split("/");
    if (area !== "api") return this.sendFile(request, response, pathname);
    const { method = "" } = request;
    if (name === "logs") {
      const [workflow = "", id = "", ...more] = rest;
      if (more.length > 0) throw nothingHere();
      checkMethod(method, ["GET"]);
      return this.streamLog(response, stepNameOf(workflow, id));
    }
    if (rest.length > 0) throw nothingHere();
    switch (name) {
      case "pipeline":
        checkMethod(method, ["GET"]);
        return this.streamPipeline(response);
      case "oidc":
        checkMethod(method, ["GET"]);
        return sendJson(response, 200, this.oidc);
      case "session":
        checkMethod(method, ["GET", "POST", "DELETE"]);
        return this.session(request, response);
      case "act":
        checkMethod(method, ["POST"]);
        return this.act(request, response);
    }
    if (!Object.hasOwn(questions, name)) throw nothingHere();
    checkMethod(method, ["GET"]);
    sendJson(response, 200, await questions[name](this.cluster, searchParams));
  }

  private sendFile({ method = "", headers: asked }: IncomingMessage, response: ServerResponse, path: string): void {
    checkMethod(method, ["GET", "HEAD"]);
    const file = path === "/healthz" ? isAlive : this.files.get(path);
    if (!file) throw nothingHere();
    const { headers, content } = sentOf(file, asked["accept-encoding"] as string | undefined);
    response.writeHead(200, { ...headers, "content-length": content.length }).end(content);
  }

  private streamPipeline(response: ServerResponse): void {
    checkRoom(this.pages, mostPages);
    const stream = new EventStream(response, () => {
      this.pages.delete(stream);
      stopLooking();
    });
    this.pages.add(stream);
    const stopLooking = this.live.look((picture) => stream.send(picture));
  }

  private async streamLog(response: ServerResponse, step: StepName): Promise<void> {
    checkRoom(this.logs, mostLogs);
    const closed = new AbortController();
    const stream = new EventStream(response, () => {
      this.logs.delete(stream);
      closed.abort();
    });
    this.logs.add(stream);
    const show = (line: string) => stream.send(eventText("line", line));
    const why = await readStepLog(this.cluster, step, show, closed.signal).catch((error: Error) => error.message);
    stream.send(eventText("end", why));
    stream.end();
  }

  private async session(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { view, cookie } = await this.signIn(request);
    sendJson(response, 200, view, cookie ? { "set-cookie": cookie } : {});
  }

  private async signIn(request: IncomingMessage): Promise<SignIn> {
    if (request.method === "GET") return this.doorman.whoIs(request);
    if (request.method === "POST") return this.doorman.signIn(request, await readJson(request));
    checkOrigin(request);
    return this.doorman.signOut(request);
  }

  private async act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    const person = this.doorman.asPerson(request);
    const answer: ActAnswer = { sentence: await perform(readAct(body), person, this.cluster) };
    // The act may be on record in MLflow.
    this.cluster.forgetModels();
    this.live.markChanged();
    sendJson(response, 200, answer);
  }
}

const isAlive: StaticFile = {
  headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  content: Buffer.from("ok\n"),
};

const nothingHere = () => new Refusal(404, "There is nothing here.");

function addressOf({ url = "" }: IncomingMessage): URL {
  if (!url.startsWith("/") || !URL.canParse(url, "http://board")) throw new Refusal(400, "This is no address.");
  return new URL(url, "http://board");
}

function checkMethod(method: string, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  throw new Refusal(405, `${method} does nothing here: use ${allowed.join(", ")}.`, { allow: allowed.join(", ") });
}

function checkRoom(streams: ReadonlySet<EventStream>, most: number): void {
  if (streams.size >= most) throw new Refusal(503, "Too many pages are open: close some.", { "retry-after": "30" });
}
