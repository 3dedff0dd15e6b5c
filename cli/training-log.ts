import { PassThrough } from "node:stream";
import { Log } from "@kubernetes/client-node";
import { workflowNamespace } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";

interface Pod {
  metadata: { name: string; annotations?: Record<string, string> };
  status: { phase: string };
}

/** Prints what the training step of a chain says, line by line, as soon as its pod runs. */
export function followTrainingLog(cluster: Cluster, chain: string, print: (line: string) => void): { stop(): void } {
  let stopped = false;
  let abort: AbortController | undefined;
  const wait = async () => {
    while (!stopped) {
      const pod = await trainingPod(cluster, chain);
      if (pod && pod.status.phase !== "Pending") {
        abort = await stream(cluster, pod.metadata.name, print);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000).unref());
    }
  };
  // The log is a courtesy: the chain is followed without it as well.
  wait().catch((error: Error) => stopped || print(`(no training log: ${error.message})`));
  return {
    stop() {
      stopped = true;
      abort?.abort();
    },
  };
}

async function trainingPod(cluster: Cluster, chain: string): Promise<Pod | undefined> {
  const query = `labelSelector=${encodeURIComponent(`workflows.argoproj.io/workflow=${chain}`)}`;
  const { items } = await cluster.api<{ items: Pod[] }>(`/api/v1/namespaces/${workflowNamespace}/pods?${query}`);
  return items.find(({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-name"]?.endsWith(".train"));
}

async function stream(cluster: Cluster, pod: string, print: (line: string) => void): Promise<AbortController> {
  const text = new PassThrough();
  let rest = "";
  text.setEncoding("utf8");
  text.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    // Argo's own process writes to the same log.
    lines.filter((line) => !line.includes(" argo=true")).forEach(print);
  });
  text.on("error", () => undefined);
  return new Log(cluster.config).log(workflowNamespace, pod, "main", text, { follow: true });
}
