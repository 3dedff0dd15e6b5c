/** The tests' own calls of a Kubernetes API, on the client of the commands. */
import { KubeConfig } from "@kubernetes/client-node";
import { connectTo } from "../../lib/connect";
import { Cluster } from "../../lib/kube-client";

/** An object as the API server gives it. */
export type Properties = { [key: string]: unknown };

/** What a request says beside its method and path. */
export interface RequestOptions {
  query?: Record<string, string>;
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Name of an object; empty where it has none. */
export const nameOf = (object: Properties): string => text((object.metadata as Properties | undefined)?.name);

/** A client of one API server. */
export class KubeClient {
  constructor(private readonly cluster: Cluster) {}

  /** As the user of one context of a kubeconfig. */
  static ofKubeconfig(context: string, kubeconfig: string): KubeClient {
    return new KubeClient(connectTo(context, kubeconfig));
  }

  /** As the bearer of a token. @param authority certificate of the server's authority, in base64 */
  static ofToken(server: string, authority: string, token: string): KubeClient {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: "test", server, caData: authority, skipTLSVerify: false },
      { name: "test", token },
    );
    return new KubeClient(new Cluster(async () => config));
  }

  /** URL of the API server. */
  async server(): Promise<string> {
    return (await this.cluster.config()).getCurrentCluster()!.server;
  }

  /** @throws ApiError for an answer other than 2xx */
  request(method: string, path: string, { query, body, contentType }: RequestOptions = {}): Promise<Properties> {
    const parameters = query ? `?${new URLSearchParams(query)}` : "";
    return this.cluster.api<Properties>(path + parameters, {
      method,
      body,
      ...(contentType && { headers: { "content-type": contentType } }),
    });
  }

  /**
   * Looks at the objects of a collection repeatedly, until `decide` gives something other than undefined for one of
   * them, or for undefined where there is none. @throws Error after a minute
   */
  async follow<T>(
    path: string,
    query: Record<string, string>,
    decide: (object: Properties | undefined) => T | undefined,
  ): Promise<T> {
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      const { items } = (await this.request("GET", path, { query })) as { items: Properties[] };
      for (const item of items.length > 0 ? items : [undefined]) {
        const result = decide(item);
        if (result !== undefined) return result;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${path} did not become what was waited for within a minute`);
  }
}
