import { request as httpRequest, type IncomingMessage } from "node:http";
import { KubeConfig } from "@kubernetes/client-node";
import { Cluster, type Request } from "../../lib/kube-client";

/** URL of a Service's port. */
export type Locate = (namespace: string, service: string, port: number) => string;

const byName: Locate = (namespace, service, port) => `http://${service}.${namespace}.svc.cluster.local:${port}`;

/** Time in which a Service must answer, in ms. */
const patience = 10_000;

/**
 * The cluster in which this process runs. It calls a Service by its name: the API server's proxy, which the commands
 * use, would need a right to all of the Service.
 */
export class InCluster extends Cluster {
  /** @param locate where Services answer; default their names inside the cluster */
  constructor(
    load: () => Promise<KubeConfig>,
    private readonly locate: Locate = byName,
  ) {
    super(load);
  }

  /** The same cluster for a person, by their token alone. */
  asPerson(token: string): InCluster {
    return new InCluster(async () => {
      const cluster = (await this.config()).getCurrentCluster()!;
      const config = new KubeConfig();
      config.loadFromOptions({
        clusters: [cluster],
        users: [{ name: "person", token }],
        contexts: [{ name: "person", cluster: cluster.name, user: "person" }],
        currentContext: "person",
      });
      return config;
    }, this.locate);
  }

  /** As the API server's proxy does, it answers 503 for a Service that cannot be reached. */
  override async service(
    namespace: string,
    service: string,
    port: number,
    path: string,
    request: Request = {},
  ): Promise<{ status: number; text: string }> {
    const url = new URL(this.locate(namespace, service, port) + path);
    return call(url, request).catch((error: Error) => ({ status: 503, text: error.message }));
  }
}

/** The account of this pod. */
export function thisPod(): InCluster {
  return new InCluster(async () => {
    const config = new KubeConfig();
    config.loadFromCluster();
    return config;
  });
}

async function call(url: URL, { method = "GET", body, headers }: Request): Promise<{ status: number; text: string }> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const describesBody = text ? { "content-type": "application/json", "content-length": Buffer.byteLength(text) } : {};
  const signal = AbortSignal.timeout(patience);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method, headers: { ...headers, ...describesBody }, signal };
    httpRequest(url, options, resolve).on("error", reject).end(text);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode!, text: Buffer.concat(chunks).toString("utf8") };
}
