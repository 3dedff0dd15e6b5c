import { readStatus } from "../client/pipeline-status";
import {
  environmentApp,
  gatewayNamespace,
  gatewayService,
  gatewayServicePort,
  trafficRoute,
} from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { besideTheFirst, inTurn, median } from "./statistics";

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
  return besideTheFirst(await inTurn(requests, ways));
}

const rounds = 5;
export const abortHead = ["", "MEDIAN MS", "MAX MS"];
const backendHeader = "x-bench-backend";
const routes = `/apis/gateway.networking.k8s.io/v1/namespaces/${gatewayNamespace}/httproutes`;
const route = "gourmetgram-bench";

/**
 * From the change of a route that takes canary's users away to the last answer of canary. The route is one of its own,
 * for requests with a header that only this sends.
 */
export async function abortTime(cluster: Cluster): Promise<string[][]> {
  const { urls } = await readStatus(cluster);
  const { spec } = await cluster.api<HttpRoute>(`${routes}/${trafficRoute}`);
  const rulesOf = (canaryWeight: number) => [
    {
      matches: [{ headers: [{ name: "X-Bench", value: "abort" }] }],
      backendRefs: [backend("production", 50), backend("canary", canaryWeight)],
    },
  ];
  const { parentRefs } = spec;
  const metadata = { name: route, namespace: gatewayNamespace };
  const body = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata };
  await cluster.api(`${routes}?fieldManager=bench`, {
    method: "POST",
    body: { ...body, spec: { parentRefs, rules: rulesOf(50) } },
  });
  const setCanary = (weight: number) =>
    cluster.api(`${routes}/${route}?fieldManager=bench`, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: { spec: { rules: rulesOf(weight) } },
    });
  const times: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      await setCanary(50);
      await firstOfCanary(urls.gateway);
      const begun = performance.now();
      await setCanary(0);
      let last = begun;
      while (performance.now() - last < 2000)
        if ((await backendOf(urls.gateway)) === "canary") last = performance.now();
      times.push(last - begun);
    }
  } finally {
    await cluster.api(`${routes}/${route}`, { method: "DELETE" });
  }
  return [["last answer of canary", median(times).toFixed(0), Math.max(...times).toFixed(0)]];
}

interface HttpRoute {
  spec: { parentRefs: object[] };
}

function backend(environment: string, weight: number): object {
  const header = { set: [{ name: backendHeader, value: environment }] };
  const filters = [{ type: "ResponseHeaderModifier", responseHeaderModifier: header }];
  const service = { name: gatewayService(environment), namespace: environmentApp(environment) };
  return { ...service, port: gatewayServicePort, weight, filters };
}

async function firstOfCanary(gateway: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while ((await backendOf(gateway)) !== "canary")
    if (performance.now() > deadline)
      throw new Error(`${gateway} leads nobody to canary within 30 s: see npm run status`);
}

/** Which environment answers at the gateway; null before the gateway knows the route. */
async function backendOf(gateway: string): Promise<string | null> {
  const answer = await fetch(`${gateway}/version`, { headers: { "X-Bench": "abort" } });
  await answer.arrayBuffer();
  return answer.headers.get(backendHeader);
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
