import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { Cluster } from "../../lib/kube-client";

/** One call as it arrived: `GET /api/…`, with its body. */
export interface Call {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
}

/** Breaks the connection off, instead of an answer. */
export const reset = Symbol("reset");

/** Answers by `METHOD path`: a status with a body, or a body for 200. */
export type Answers = Record<string, unknown | [number, unknown]>;

/** Runs `use` against an API server on 127.0.0.1 that knows these answers; a call to anything else fails the test. */
export async function withApiServer<T>(
  answers: Answers,
  use: (cluster: Cluster, calls: Call[], url: string) => Promise<T>,
): Promise<T> {
  const calls: Call[] = [];
  const unknown: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const line = `${request.method} ${decodeURIComponent(request.url!)}`;
    calls.push({ line, headers: request.headers, body: text ? JSON.parse(text) : undefined });
    if (!(line in answers)) unknown.push(line);
    const answer = answers[line];
    if (answer === reset) return void request.socket.destroy();
    const [status, body] = Array.isArray(answer) ? answer : [line in answers ? 200 : 501, answer ?? {}];
    response.writeHead(status, { connection: "close" }).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const result = await use(clusterAt(url), calls, url);
    if (unknown.length > 0) throw new Error(`unexpected calls: ${unknown.join(", ")}`);
    return result;
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** What the API server says of who is calling. */
export function whoIs(username: string): Answers {
  return { "POST /apis/authentication.k8s.io/v1/selfsubjectreviews": { status: { userInfo: { username } } } };
}

/** A cluster behind one URL, with no credentials. Its kubeconfig is not the one that `kubectl` takes by itself. */
export function clusterAt(url: string): Cluster {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig(url));
  return new Cluster(async () => config, "/state/kubeconfig");
}

/** Text of a kubeconfig, for a server without TLS, with the contexts `food` and `other`. The current one is `other`. */
export function kubeconfig(url: string): string {
  const contexts = ["food", "other"].map((name) => ({ name, context: { cluster: "c", user: "u" } }));
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "other",
    contexts,
    clusters: [{ name: "c", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: {} }],
  });
}

/** A port of this machine that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
