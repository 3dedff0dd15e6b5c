import { request as httpRequest, type IncomingMessage } from "node:http";
import { type Agent, request as httpsRequest, type RequestOptions } from "node:https";
import { isIP } from "node:net";
import type { KubeConfig } from "@kubernetes/client-node";

/** A Kubernetes answer other than 2xx. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The API server gave no answer, or broke it off. */
export class UnreachableError extends Error {
  constructor(
    /** Node.js's code of the error, as in `ECONNREFUSED`; `ETIMEDOUT` if no answer came in time. */
    readonly code: string | undefined,
    message: string,
  ) {
    super(message);
    this.name = "UnreachableError";
  }
}

/** The same statuses as `TRANSIENT_STATUSES` of the steps. */
const transientStatus = [408, 425, 429, 500, 502, 503, 504];
/** Not among them: a certificate that is refused, which stays refused. */
const transientCodes = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "HPE_INVALID_CHUNK_SIZE", // a chunk that is broken; other parse errors mean that no API server is there
];

/** Whether the same call may succeed some seconds later, though nobody changes anything. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ApiError) return transientStatus.includes(error.status);
  return error instanceof UnreachableError && transientCodes.includes(error.code ?? "");
}

export interface Request {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** The cluster of a stack, through its API server. Nothing else of the cluster needs to be reachable. */
export class Cluster {
  private loaded?: Promise<KubeConfig>;

  /**
   * @param load reads where the cluster is, and as whom it is called; once, with the first call
   * @param kubeconfig path of the file, where it is not the one that `kubectl` takes by itself
   */
  constructor(
    private readonly load: () => Promise<KubeConfig>,
    private readonly kubeconfig?: string,
  ) {}

  /** Where the cluster is, and as whom it is called. */
  config(): Promise<KubeConfig> {
    this.loaded ??= this.load();
    return this.loaded;
  }

  /** How a person calls `kubectl` for this cluster. */
  get kubectl(): string {
    return this.kubeconfig ? `kubectl --kubeconfig ${this.kubeconfig}` : "kubectl";
  }

  /** A Kubernetes API call. @throws ApiError for an answer other than 2xx, with the server's message */
  async api<T>(path: string, request: Request = {}): Promise<T> {
    const { status, text } = await this.raw(path, request);
    if (status < 200 || status > 299) throw new ApiError(status, messageOf(text) ?? `HTTP ${status} for ${path}`);
    return JSON.parse(text) as T;
  }

  /** A call to a Service of the cluster, through the API server's proxy. Any HTTP status is an answer. */
  async service(
    namespace: string,
    service: string,
    port: number,
    path: string,
    request: Request = {},
  ): Promise<{ status: number; text: string }> {
    return this.raw(`/api/v1/namespaces/${namespace}/services/${service}:${port}/proxy${path}`, request);
  }

  /** The name under which the API server knows this kubeconfig's user. */
  async username(): Promise<string> {
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const { status } = await this.api<{ status: { userInfo: { username: string } } }>(
      "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      { method: "POST", body: review },
    );
    return status.userInfo.username;
  }

  /**
   * A Kubernetes API call whose answer comes piece by piece, as that of a watch or a log.
   * @param idleSeconds time without a byte after which the answer breaks off
   * @throws ApiError for an answer other than 2xx, with the server's message
   */
  async stream(path: string, idleSeconds: number, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const answer = await this.open(path, { headers }, idleSeconds);
    const status = answer.statusCode!;
    if (status >= 200 && status <= 299) return answer;
    throw new ApiError(status, messageOf(await textOf(answer)) ?? `HTTP ${status} for ${path}`);
  }

  private async raw(path: string, request: Request): Promise<{ status: number; text: string }> {
    const answer = await this.open(path, request, 30);
    try {
      return { status: answer.statusCode!, text: await textOf(answer) };
    } catch (error) {
      throw unreachable(addressOf(await this.config(), path), error as NodeJS.ErrnoException);
    }
  }

  /** Sends a call. @returns its answer, of which nothing is read yet */
  private async open(
    path: string,
    { method = "GET", body, headers }: Request,
    idleSeconds: number,
  ): Promise<IncomingMessage> {
    const config = await this.config();
    const url = addressOf(config, path);
    const text = body === undefined ? "" : JSON.stringify(body);
    // The length is stated, since Node.js sends none with DELETE.
    const describesBody = text ? { "content-type": "application/json", "content-length": Buffer.byteLength(text) } : {};
    const options: RequestOptions = {
      method,
      headers: { ...describesBody, ...headers },
      timeout: 1000 * idleSeconds,
    };
    await config.applyToHTTPSOptions(options);
    // The certificate is the API server's, even if the Host header names a Service behind it. The agent's options
    // override those of the request.
    const { options: tls } = options.agent as Agent;
    tls.servername ??= isIP(url.hostname) ? "" : url.hostname;
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const call = send(url, options, resolve);
      call.on("timeout", () =>
        call.destroy(
          Object.assign(new Error(`no answer from ${url.host} within ${idleSeconds} s`), { code: "ETIMEDOUT" }),
        ),
      );
      // Once there is an answer, an error of the call is one of the answer too.
      call.on("error", (error: NodeJS.ErrnoException) => reject(unreachable(url, error)));
      call.end(text);
    });
  }
}

const addressOf = (config: KubeConfig, path: string): URL => new URL(config.getCurrentCluster()!.server + path);

function unreachable({ host }: URL, { code, message }: NodeJS.ErrnoException): UnreachableError {
  const remedy = "run npm start, or check the stack's context";
  return new UnreachableError(code, `can't reach the cluster at ${host} (${message}): ${remedy}`);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * An empty list if the API server does not find what was asked for: its kind or its namespace is gone.
 * @throws any other error
 */
export function emptyIfNotFound(error: unknown): { items: never[] } {
  if (error instanceof ApiError && error.status === 404) return { items: [] };
  throw error;
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch {
    return undefined;
  }
}
