import { readStatus } from "../cli/pipeline-status";
import { percentile95 } from "../cli/traffic-tally";
import { gatewayNamespace } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { inTurn, median } from "./statistics";

/** Requests on each way, after one that does not count. */
const requests = 300;
export const gatewayHead = ["", "MEDIAN MS", "P95 MS", "TIMES THE DIRECT MEDIAN"];

/** The way through the gateway beside the direct one, for `/version`, which takes the app hardly any time. */
export async function gatewayOverhead(cluster: Cluster): Promise<string[][]> {
  const { urls } = await readStatus(cluster);
  const ask = (url: string) => async () => {
    const answer = await fetch(`${url}/version`);
    await answer.arrayBuffer();
    if (answer.status !== 200)
      throw new Error(`${url} answers ${answer.status}: promote a version to production first`);
  };
  const ways = { direct: ask(urls.production), gateway: ask(urls.gateway) };
  await inTurn(1, ways);
  const seconds = await inTurn(requests, ways);
  const direct = median(seconds.direct);
  return Object.entries(seconds).map(([way, values]) => [
    way,
    (median(values) * 1000).toFixed(2),
    (percentile95(values)! * 1000).toFixed(2),
    (median(values) / direct).toFixed(2),
  ]);
}

interface Summary {
  pods: { podRef: { namespace: string; name: string }; memory?: { workingSetBytes?: number } }[];
}

/** Memory of each pod of the gateway and of the monitoring, in MiB, as the kubelets count it. */
export async function watchingMemory(cluster: Cluster): Promise<string[][]> {
  const { items: nodes } = await cluster.api<{ items: { metadata: { name: string } }[] }>("/api/v1/nodes");
  const summaries = await Promise.all(
    nodes.map(({ metadata }) => cluster.api<Summary>(`/api/v1/nodes/${metadata.name}/proxy/stats/summary`)),
  );
  return summaries
    .flatMap(({ pods }) => pods)
    .filter(({ podRef }) => [gatewayNamespace, "monitoring"].includes(podRef.namespace))
    .map(({ podRef, memory }) => [podRef.name, ((memory?.workingSetBytes ?? 0) / 2 ** 20).toFixed(0)]);
}
