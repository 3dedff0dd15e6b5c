import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { OidcProvider, PipelineView } from "../../../board/api";
import { Board } from "../../../board/server/board";
import { FakeCluster } from "./fake-cluster";

/** A board that runs against a fake cluster. */
export interface RunningBoard {
  readonly fake: FakeCluster;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly board: Board;
}

/** Runs `use` with a board over real sockets. @param prepare what the cluster has before the board starts */
export async function withBoard(
  prepare: (fake: FakeCluster) => void,
  use: (running: RunningBoard) => Promise<void>,
  oidc: OidcProvider | null = null,
): Promise<void> {
  const page = mkdtempSync(join(tmpdir(), "board-page-"));
  mkdirSync(join(page, "assets"));
  writeFileSync(join(page, "index.html"), "<!doctype html><title>Board</title>");
  writeFileSync(join(page, "assets", "index-abc123.js"), "let board;");
  writeFileSync(join(page, "assets", "index-abc123.js.gz"), gzipSync("let board;"));
  const fake = new FakeCluster();
  await fake.start();
  prepare(fake);
  const links = { mlflow: "http://localhost:8000" };
  const hosts = ["food.example.org"];
  const timing = { firstPause: 20, longestPause: 100, recordDelay: 2000 };
  const board = new Board({ cluster: fake.cluster, links, hosts, oidc, page, timing });
  await new Promise<void>((resolve) => board.server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(board.server.address() as AddressInfo).port}`;
    await use({ fake, url, board });
  } finally {
    board.stop();
    board.server.closeAllConnections();
    await fake.stop();
    rmSync(page, { recursive: true });
  }
}

/** A stream of server-sent events, as a page reads it. */
export class Events {
  /** Every event so far: its name and its data. */
  readonly all: { readonly name: string; readonly data: string }[] = [];
  isOpen = true;
  private waiting: (() => void)[] = [];

  private constructor(private readonly answer: IncomingMessage) {
    let text = "";
    answer.setEncoding("utf8");
    answer.on("data", (chunk: string) => {
      const events = (text + chunk).split("\n\n");
      text = events.pop()!;
      for (const event of events) this.take(event);
      this.wake();
    });
    answer.on("error", () => undefined);
    answer.on("close", () => {
      this.isOpen = false;
      this.wake();
    });
  }

  static async open(url: string): Promise<Events> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      request(url, { agent: false }, resolve).on("error", reject).end(),
    );
    if (answer.headers["content-type"] !== "text/event-stream; charset=utf-8") throw new Error(`no stream: ${url}`);
    return new Events(answer);
  }

  close(): void {
    this.answer.destroy();
  }

  /** Waits until something is so, as long as the test may take. */
  async until<T>(look: (events: Events) => T | undefined): Promise<T> {
    for (;;) {
      const found = look(this);
      if (found !== undefined) return found;
      if (!this.isOpen) throw new Error(`the stream has ended: ${JSON.stringify(this.all.slice(-3))}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Waits for a picture of the pipeline. */
  async view(isIt: (view: PipelineView) => boolean = () => true): Promise<PipelineView> {
    return this.until(({ all }) => {
      const last = all.findLast(({ name }) => name === "pipeline");
      const view = last && (JSON.parse(last.data) as PipelineView);
      return view && isIt(view) ? view : undefined;
    });
  }

  private take(event: string): void {
    const name = /^event: (.*)$/m.exec(event)?.[1];
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (name !== undefined) this.all.push({ name, data: data ?? "" });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resume of waiting) resume();
  }
}

/** Asks and reads JSON. */
export async function ask(
  url: string,
  options: RequestInit = {},
): Promise<{ status: number; body: any; headers: Headers }> {
  const answer = await fetch(url, options);
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text, headers: answer.headers };
}
