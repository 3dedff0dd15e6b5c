import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { InCluster } from "../../../board/server/in-cluster";

/** One call as it arrived: `GET /api/…`, with its body. */
export interface Call {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
}
interface Stored {
  readonly metadata: { readonly name: string };
}
type Answer = (call: Call, response: ServerResponse) => unknown;

/**
 * An API server with lists that can be watched, and Services behind it, on 127.0.0.1. What a test does not know of is
 * answered with 404, as an API server does.
 */
export class FakeCluster {
  readonly calls: Call[] = [];
  /** Answers by `METHOD path`: a body, a status with a body, or a function. */
  readonly answers: Record<string, unknown> = {};
  /** Users by their tokens; the board's account has none. */
  readonly users: Record<string, string> = {};
  private readonly lists = new Map<string, Map<string, Stored>>();
  private readonly watchers = new Map<string, Set<ServerResponse>>();
  private version = 1;
  private server!: Server;
  private url = "";

  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The cluster as the board reaches it: a Service is a path of this server. */
  get cluster(): InCluster {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: "c", server: this.url, skipTLSVerify: true }],
      users: [{ name: "u" }],
      contexts: [{ name: "x", cluster: "c", user: "u" }],
      currentContext: "x",
    });
    return new InCluster(
      async () => config,
      (namespace, service, port) => `${this.url}/service/${namespace}/${service}:${port}`,
    );
  }

  /** Writes objects to a list, given by its path. An empty list is one that exists. */
  put(path: string, ...objects: Stored[]): void {
    const list = this.lists.get(path) ?? new Map<string, Stored>();
    this.lists.set(path, list);
    for (const object of objects) {
      const type = list.has(object.metadata.name) ? "MODIFIED" : "ADDED";
      list.set(object.metadata.name, object);
      this.tell(path, type, object);
    }
  }

  delete(path: string, name: string): void {
    const object = this.lists.get(path)!.get(name)!;
    this.lists.get(path)!.delete(name);
    this.tell(path, "DELETED", object);
  }

  /** Breaks off every watch of a list; with a text, after writing it. */
  breakWatches(path: string, lastWords?: string): void {
    const watchers = [...(this.watchers.get(path) ?? [])];
    this.watchers.delete(path);
    for (const watcher of watchers) {
      if (lastWords) watcher.end(`${lastWords}\n`);
      else watcher.destroy();
    }
  }

  watchesOf(path: string): number {
    return this.watchers.get(path)?.size ?? 0;
  }

  linesTo(part: string): string[] {
    return this.calls.map(({ line }) => line).filter((line) => line.includes(part));
  }

  private tell(path: string, type: string, object: Stored): void {
    const event = { type, object: this.stamped(object, String(++this.version)) };
    for (const watcher of this.watchers.get(path) ?? []) watcher.write(`${JSON.stringify(event)}\n`);
  }

  private stamped(object: Stored, resourceVersion: string) {
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url!, this.url);
    const line = `${request.method} ${decodeURIComponent(request.url!)}`;
    const call = { line, headers: request.headers, body: text ? JSON.parse(text) : undefined };
    this.calls.push(call);
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token !== undefined && !(token in this.users)) send(response, 401, { message: "Unauthorized" });
    else if (url.pathname.endsWith("/selfsubjectreviews"))
      send(response, 201, { status: { userInfo: { username: token ? this.users[token] : "the board" } } });
    else if (line in this.answers) this.give(this.answers[line], call, response);
    else this.list(url, response);
  }

  private give(answer: unknown, call: Call, response: ServerResponse): void {
    if (typeof answer === "function") (answer as Answer)(call, response);
    else if (Array.isArray(answer)) send(response, answer[0] as number, answer[1]);
    else send(response, 200, answer);
  }

  private list(url: URL, response: ServerResponse): void {
    const { pathname, searchParams } = url;
    const selector = searchParams.get("labelSelector");
    const path = selector ? `${pathname}?labelSelector=${selector}` : pathname;
    const list = this.lists.get(path);
    const name = /^metadata\.name=(.*)$/.exec(searchParams.get("fieldSelector") ?? "")?.[1];
    const items = [...(list?.values() ?? [])].filter(({ metadata }) => name === undefined || metadata.name === name);
    if (!list) send(response, 404, { message: `${path} not found`, error_code: "RESOURCE_DOES_NOT_EXIST" });
    else if (searchParams.get("watch")) this.watch(path, response);
    else send(response, 200, { metadata: { resourceVersion: String(this.version) }, items });
  }

  private watch(path: string, response: ServerResponse): void {
    const watchers = this.watchers.get(path) ?? new Set();
    this.watchers.set(path, watchers);
    watchers.add(response);
    response.once("close", () => watchers.delete(response));
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
}
