/** A small client of the Kubernetes API: requests, watches and log streams, and nothing else. */
import * as http from "node:http";
import * as https from "node:https";
import type { Connection } from "./kube-config";
import { isRecord, type Properties, record, records, text } from "./values";

/** The API server said no. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly body: Properties,
    fallback: string,
  ) {
    super(text(body, "message") || fallback);
  }

  /** The machine-readable reason, e.g. `NotFound`, `Conflict`. */
  get reason(): string {
    return text(this.body, "reason") ?? "";
  }

  /** The kind of thing that the answer is about, e.g. `namespaces`. */
  get about(): string {
    return text(record(this.body, "details"), "kind") ?? "";
  }

  /** Each cause, as `field: message`. */
  get causes(): string[] {
    return records(record(this.body, "details"), "causes").map(({ field, message }) =>
      field ? `${field}: ${message}` : `${message}`,
    );
  }
}

/** No answer from the API server. */
export class UnreachableError extends Error {}

/** True for the answer 404. */
export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;

/** Options of one request. */
export interface RequestOptions {
  query?: Record<string, string>;
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  signal?: AbortSignal;
}

/** How long one answer may take. Server-side apply of the largest manifests takes seconds. */
const answerMs = 60_000;

/** Connections for requests: a refresh reads all of a stack's objects at once, which a small API server doesn't take. */
const connections = 16;

/** A client of one API server. */
export class KubeClient {
  private readonly transport: typeof http | typeof https;
  private readonly agent: http.Agent;
  /** Apart, since a watch keeps its connection for as long as something is waited for. */
  private readonly watches: http.Agent;

  constructor(readonly connection: Connection) {
    const tls = connection.server.startsWith("https:");
    this.transport = tls ? https : http;
    const { authority: ca, certificate: cert, key, serverName: servername, insecure } = connection;
    const options = {
      keepAlive: true,
      ca,
      cert,
      key,
      rejectUnauthorized: !insecure,
      ...(servername && { servername }),
    };
    const agent = (maxSockets: number) =>
      tls ? new https.Agent({ ...options, maxSockets }) : new http.Agent({ keepAlive: true, maxSockets });
    this.agent = agent(connections);
    this.watches = agent(Infinity);
  }

  /**
   * Sends one request and returns its JSON answer.
   * @throws ApiError for an answer of 400 and above, UnreachableError for none.
   */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Properties> {
    const response = await this.open(method, path, options, answerMs);
    const body = await readAll(response);
    const parsed = parse(body);
    const status = response.statusCode ?? 0;
    if (status === 429 && response.headers["retry-after"]) {
      await delay(Number(response.headers["retry-after"]) * 1000, options.signal); // The server says when to come back.
      return this.request(method, path, options);
    }
    if (status >= 400)
      throw new ApiError(status, parsed, body.trim() || `${method} ${path} was answered with ${status}`);
    return parsed;
  }

  /** The text at `path`, e.g. a log; empty where there is none. */
  async text(path: string, query: Record<string, string>): Promise<string> {
    const response = await this.open("GET", path, { query }, answerMs);
    const body = await readAll(response);
    return response.statusCode === 200 ? body : "";
  }

  /**
   * Follows the objects of a collection that a `fieldSelector` or `labelSelector` names (all, where it is empty)
   * until `decide` gives something other than undefined, and returns that.
   * `decide` gets an object as it is now, or undefined while there is none.
   * @throws the signal's reason once it is aborted, and what {@link request} throws.
   */
  async follow<T>(
    collection: string,
    selector: Record<string, string>,
    signal: AbortSignal,
    decide: (object: Properties | undefined) => T | undefined | undefined,
  ): Promise<T> {
    for (;;) {
      const list = await this.request("GET", collection, { query: selector, signal });
      const items = records(list, "items");
      for (const item of items.length > 0 ? items : [undefined]) {
        const result = decide(item);
        if (result !== undefined) return result;
      }
      const resourceVersion = text(record(list, "metadata"), "resourceVersion") ?? "";
      for await (const event of this.watch(collection, { ...selector, resourceVersion }, signal)) {
        if (event.type === "ERROR") break; // The version is too old to go on from: list again.
        if (event.type === "BOOKMARK") continue;
        const result = decide(event.type === "DELETED" ? undefined : record(event, "object"));
        if (result !== undefined) return result;
      }
    }
  }

  /** The events of a collection until the server closes the watch (after 5 minutes). */
  async *watch(collection: string, query: Record<string, string>, signal: AbortSignal): AsyncGenerator<Properties> {
    const response = await this.open(
      "GET",
      collection,
      { query: { ...query, watch: "true", timeoutSeconds: "300" }, signal },
      0,
    );
    if (response.statusCode !== 200)
      throw new ApiError(
        response.statusCode ?? 0,
        parse(await readAll(response)),
        `the watch of ${collection} was refused`,
      );
    try {
      let rest = "";
      for await (const chunk of response.setEncoding("utf8")) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) if (line) yield parse(line);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!isNetworkError(error)) throw error; // A cut watch is begun again by a list, which tells whether the server is there.
    } finally {
      response.destroy();
    }
    if (signal.aborted) throw signal.reason;
  }

  private open(
    method: string,
    path: string,
    { query, body, contentType, signal }: RequestOptions,
    timeout: number,
  ): Promise<http.IncomingMessage> {
    const { server, token, context } = this.connection;
    const url = new URL(server + path);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, value);
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: http.OutgoingHttpHeaders = { accept: "application/json", "user-agent": "gourmetgram-stand-in" };
    if (token) headers.authorization = `Bearer ${token}`;
    if (payload)
      Object.assign(headers, { "content-type": contentType ?? "application/json", "content-length": payload.length });
    return new Promise((resolve, reject) => {
      const request = this.transport.request(
        url,
        { method, headers, agent: timeout > 0 ? this.agent : this.watches, signal },
        resolve,
      );
      if (timeout > 0)
        request.setTimeout(timeout, () => request.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      request.on("error", (error) => {
        if (signal?.aborted) return reject(signal.reason);
        reject(
          new UnreachableError(
            `the cluster of context "${context}" at ${server} can't be reached (${error.message}): start it, or correct the kubeconfig`,
          ),
        );
      });
      request.end(payload);
    });
  }
}

const isNetworkError = (error: unknown): boolean => error instanceof Error && "code" in error;

function parse(body: string): Properties {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
