import { PassThrough } from "node:stream";
import { workflowNamespace } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { eachLine } from "../lib/lines";
import { patiently } from "../lib/patience";

interface Pod {
  metadata: { name: string; annotations?: Record<string, string> };
  status: { phase: string };
}

/** Prints the log of a pipeline run's training step, line by line, as soon as its pod runs. */
export function followTrainingLog(
  cluster: Cluster,
  pipelineRun: string,
  print: (line: string) => void,
): { stop(): void } {
  let stopped = false;
  let abort: AbortController | undefined;
  const wait = async () => {
    while (!stopped) {
      const pod = await patiently(
        async () => (stopped ? undefined : trainingPod(cluster, pipelineRun)),
        () => undefined,
      );
      if (pod && pod.status.phase !== "Pending") {
        abort = await stream(cluster, pod.metadata.name, print);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000).unref());
    }
  };
  // Without the log, the pipeline run is still followed.
  wait().catch((error: Error) => {
    if (!stopped) print(`(no training log: ${error.message})`);
  });
  return {
    stop() {
      stopped = true;
      abort?.abort();
    },
  };
}

async function trainingPod(cluster: Cluster, pipelineRun: string): Promise<Pod | undefined> {
  const query = `labelSelector=${encodeURIComponent(`workflows.argoproj.io/workflow=${pipelineRun}`)}`;
  const { items } = await cluster.api<{ items: Pod[] }>(`/api/v1/namespaces/${workflowNamespace}/pods?${query}`);
  return items.find(({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-name"]?.endsWith(".train"));
}

async function stream(cluster: Cluster, pod: string, print: (line: string) => void): Promise<AbortController> {
  const text = new PassThrough();
  eachLine(text, (line) => {
    // Argo's executor writes to the same log.
    if (!line.includes(" argo=true")) print(line);
  });
  text.on("error", () => undefined);
  const { Log } = await import("@kubernetes/client-node");
  return new Log(await cluster.config()).log(workflowNamespace, pod, "main", text, { follow: true });
}
