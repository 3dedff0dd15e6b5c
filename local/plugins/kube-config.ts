/** Finds the cluster that a Kubernetes provider names: its server and what it asks of a client. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { load } from "js-yaml";
import { isRecord, type Properties, record, records, text } from "./values";

/** How to reach a cluster and who to be there. Certificates and keys are PEM. */
export interface Connection {
  server: string;
  context: string;
  /** Namespace of objects that name none. */
  namespace: string;
  authority?: Buffer;
  serverName?: string;
  insecure: boolean;
  certificate?: Buffer;
  key?: Buffer;
  token?: string;
}

/**
 * Reads the connection out of a provider's settings: `kubeconfig` (its text or its path; else `KUBECONFIG`,
 * else `~/.kube/config`), `context`, `cluster` and `namespace`.
 * @throws Error that says which setting to mend.
 */
export function connection(settings: Properties): Connection {
  const { config, directory } = kubeconfig(text(settings, "kubeconfig"));
  const contextName = text(settings, "context") || text(config, "current-context") || "";
  const context = record(named(config, "contexts", contextName), "context");
  if (contextName && Object.keys(context).length === 0) {
    const known = records(config, "contexts").map((entry) => text(entry, "name"));
    throw new Error(
      `the kubeconfig has no context "${contextName}"; it has ${known.join(", ") || "none"}: correct the provider's context`,
    );
  }
  const clusterName = text(settings, "cluster") || text(context, "cluster") || "";
  const cluster = record(named(config, "clusters", clusterName), "cluster");
  const user = record(named(config, "users", text(context, "user") ?? ""), "user");
  const server = text(cluster, "server");
  if (!server)
    throw new Error(
      `the kubeconfig names no server for context "${contextName}": correct the provider's kubeconfig, context or cluster`,
    );
  for (const method of ["exec", "auth-provider"]) {
    if (isRecord(user[method])) {
      throw new Error(
        `the stand-in Kubernetes plugin can't log in by "${method}": use a certificate or a token in the kubeconfig, or install the official plugin`,
      );
    }
  }
  const bytes = (owner: Properties, key: string): Buffer | undefined => {
    const data = text(owner, `${key}-data`);
    if (data) return Buffer.from(data, "base64");
    const path = text(owner, key);
    return path ? readFileSync(isAbsolute(path) ? path : join(directory, path)) : undefined;
  };
  const tokenFile = text(user, "tokenFile");
  return {
    server: server.replace(/\/+$/, ""),
    context: contextName,
    namespace: text(settings, "namespace") || text(context, "namespace") || "default",
    authority: bytes(cluster, "certificate-authority"),
    serverName: text(cluster, "tls-server-name"),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    certificate: bytes(user, "client-certificate"),
    key: bytes(user, "client-key"),
    token: text(user, "token") ?? (tokenFile ? readFileSync(tokenFile, "utf8").trim() : undefined),
  };
}

function named(config: Properties, list: string, name: string): Properties | undefined {
  return records(config, list).find((entry) => entry.name === name);
}

function kubeconfig(setting: string | undefined): { config: Properties; directory: string } {
  const path = setting || process.env.KUBECONFIG || join(homedir(), ".kube", "config");
  const isPath = !path.includes("\n") && !path.trimStart().startsWith("{");
  if (isPath && !existsSync(path)) throw new Error(`there is no kubeconfig at ${path}: set the provider's kubeconfig`);
  const config = load(isPath ? readFileSync(path, "utf8") : path);
  if (!isRecord(config))
    throw new Error("the provider's kubeconfig is not a YAML or JSON object: set its text or its path");
  return { config, directory: isPath ? dirname(path) : process.cwd() };
}
