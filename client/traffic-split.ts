import { z } from "zod";
import { gatewayNamespace, trafficRoute, trafficSplitAnnotation } from "../components/shared/workflow-names";
import { parseJson } from "../lib/json";
import { ApiError, type Cluster } from "../lib/kube-client";

/** How users are split at the gateway. */
export interface TrafficSplit {
  /** What users meet in canary, `1.0.X`; null while all of them meet production. */
  readonly version: string | null;
  /** Share of the users that meet it, 0 to 99 %. */
  readonly percent: number;
  /** Why no user meets it any more, or an empty string. */
  readonly withdrawn: string;
  /** Why no user meets it for the time being, or an empty string. */
  readonly paused: string;
  /** What its figures came to at the last look, in one sentence, or an empty string. */
  readonly analysis: string;
}

interface Route {
  metadata: { annotations?: Record<string, string> };
}

/** Path of the route that splits users in the Kubernetes API. */
export const routePath = `/apis/gateway.networking.k8s.io/v1/namespaces/${gatewayNamespace}/httproutes/${trafficRoute}`;

/** What the annotation holds, unless a person wrote something else there. */
const held = z.object({
  version: z.string(),
  percents: z.array(z.number()),
  withdrawn: z.string(),
  paused: z.string(),
  // A split of an earlier release of the pipeline has none.
  analysis: z.string().default(""),
});

/** The split that the gateway's route holds (`workflows/lib/traffic.py`), or null in a stack without a gateway. */
export async function readTrafficSplit(cluster: Cluster): Promise<TrafficSplit | null> {
  const route = await cluster.api<Route>(routePath).catch((error: Error) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  if (!route) return null;
  const text = route.metadata.annotations?.[trafficSplitAnnotation] ?? "null";
  const split = held.safeParse(parseJson(text));
  if (!split.success) return { version: null, percent: 0, withdrawn: "", paused: "", analysis: "" };
  const { version, percents, withdrawn, paused, analysis } = split.data;
  return { version, percent: withdrawn || paused ? 0 : (percents.at(-1) ?? 0), withdrawn, paused, analysis };
}

/** What users meet, in one sentence. */
export function describeSplit({ version, percent, withdrawn, paused, analysis }: TrafficSplit): string {
  if (!version) return "All users meet production.";
  if (withdrawn) return `No user meets ${version} in canary any more: ${withdrawn}.`;
  if (paused) return `No user meets ${version} in canary for the time being: ${paused}.`;
  const judged = analysis && ` Analysis: ${analysis}.`;
  return `${percent} % of the users meet ${version} in canary.${judged}`;
}
