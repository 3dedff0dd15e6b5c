import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { may } from "./access";
import { missingFileRemedy, thisAsRoot } from "./as-root";
import { Cluster } from "./kube-client";
import { localContext } from "./paths";

/** The context is in no kubeconfig that is read. */
export class NoContextError extends Error {}

/**
 * Connects to one context of a kubeconfig; default `KUBECONFIG`, then `~/.kube/config`.
 * @throws NoContextError if there is no such file, and Error if it is not to be read; the cluster's first call throws
 *   NoContextError if the file has no such context
 */
export function connectTo(context: string, kubeconfig?: string): Cluster {
  const files = kubeconfig
    ? [kubeconfig]
    : (process.env.KUBECONFIG || join(homedir(), ".kube", "config")).split(delimiter).filter(Boolean);
  const missing = files.find((file) => !existsSync(file));
  if (missing) {
    const remedy =
      context === localContext
        ? missingFileRemedy()
        : "write its path to gourmetgram:cluster.kubeconfig in the stack file";
    throw new NoContextError(`there is no kubeconfig ${missing}: ${remedy}`);
  }
  const unreadable = files.find((file) => !may("read", file));
  if (unreadable) {
    const remedy = context === localContext ? `run ${thisAsRoot()}` : "ask its owner for one of your own";
    throw new Error(`the kubeconfig ${unreadable} is another user's: ${remedy}`);
  }
  return new Cluster(() => readContext(context, kubeconfig), kubeconfig);
}

async function readContext(context: string, kubeconfig?: string): Promise<KubeConfig> {
  // The library takes a second to load, which a command that needs no cluster does not wait for.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  if (kubeconfig) config.loadFromFile(kubeconfig);
  else config.loadFromDefault();
  if (!config.getContextObject(context)) {
    const known = config.getContexts().map(({ name }) => name);
    const choice = known.join(", ") || "its contexts (it has none)";
    throw new NoContextError(
      `the kubeconfig has no context ${context}: name one of ${choice} in gourmetgram:cluster.context`,
    );
  }
  config.setCurrentContext(context);
  return config;
}
