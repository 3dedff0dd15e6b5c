import { z } from "zod";
import { gatewayNamespace, trafficRoute, trafficSplitAnnotation } from "../components/shared/workflow-names";
import { parseJson } from "../lib/json";
import { ApiError, type Cluster } from "../lib/kube-client";
import type { Parameters } from "./environments";

/** How users are split at the gateway. */
export interface TrafficSplit {
  /** Environment of which a growing share of the users meets a version. */
  readonly canary: string;
  /** Environment that all others meet. */
  readonly production: string;
  /** `gone` where somebody deleted the route, `changed` where somebody changed its weights, else `as-split`. */
  readonly route: "as-split" | "changed" | "gone";
  /** Why the gateway does not do what the route says, in its words, or an empty string. */
  readonly refused: string;
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
  metadata: { annotations?: Record<string, string>; generation?: number };
  spec: { rules?: { backendRefs?: { weight?: number }[] }[] };
  status?: { parents?: { conditions?: Condition[] }[] };
}

/** What a gateway says of a route. */
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
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

/** Which environments the gateway leads to, as the pipeline is told. */
const told = z.object({
  canary: z.object({ environment: z.string() }),
  production: z.object({ environment: z.string() }),
});

/** The two environments; those of the shipped stacks where the pipeline is told nothing. */
function environmentsOf(traffic = ""): { canary: string; production: string } {
  const found = told.safeParse(parseJson(traffic || "null"));
  if (!found.success) return { canary: "canary", production: "production" };
  return { canary: found.data.canary.environment, production: found.data.production.environment };
}

const nobody = { version: null, percent: 0, withdrawn: "", paused: "", analysis: "", refused: "" };

/** The split that the gateway's route holds (`workflows/lib/traffic.py`), or null in a stack without a gateway. */
export async function readTrafficSplit(cluster: Cluster, { traffic }: Parameters): Promise<TrafficSplit | null> {
  const route = await cluster.api<Route>(routePath).catch((error: Error) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  const environments = environmentsOf(traffic);
  if (!route) return traffic ? { ...environments, ...nobody, route: "gone" } : null;
  const text = route.metadata.annotations?.[trafficSplitAnnotation] ?? "null";
  const split = held.safeParse(parseJson(text));
  const refused = refusalOf(route);
  if (!split.success) return { ...environments, ...nobody, refused, route: stateOf(route, []) };
  const { version, percents, withdrawn, paused, analysis } = split.data;
  const met = withdrawn || paused ? [] : percents;
  const percent = met.at(-1) ?? 0;
  return { ...environments, version, percent, withdrawn, paused, analysis, refused, route: stateOf(route, met) };
}

/** Each condition that says whether a gateway takes a route, with the status that says no. */
const refusals: Record<string, string> = { Accepted: "False", ResolvedRefs: "False", PartiallyInvalid: "True" };

/** As `refusal` in `workflows/lib/traffic.py`. A route that no gateway has looked at has no conditions. */
function refusalOf({ metadata: { generation = 0 }, status }: Route): string {
  const said = (status?.parents ?? []).flatMap(({ conditions = [] }) => conditions);
  if (said.length === 0) return "no gateway has taken it yet";
  const no = said.find(
    ({ type, status, observedGeneration = generation }) =>
      observedGeneration >= generation && refusals[type] === status,
  );
  return no
    ? `${no.type} is ${no.status}, ${no.reason ?? "no reason"}: ${no.message ?? ""}`.replace(/[.: ]+$/, "")
    : "";
}

/** @param percents the shares of the version so far; none where no user meets it */
function stateOf({ spec }: Route, percents: number[]): TrafficSplit["route"] {
  const found = (spec.rules ?? []).map(({ backendRefs = [] }) => backendRefs.map(({ weight = 1 }) => weight));
  return JSON.stringify(found) === JSON.stringify(weightsOf(percents)) ? "as-split" : "changed";
}

/** Weights of production and canary in each rule, as `rules` in `workflows/lib/traffic.py` writes them. */
function weightsOf(percents: number[]): number[][] {
  const today = percents.at(-1);
  if (today === undefined) return [[1]];
  const draws = [...percents.slice(0, -1), 0].map((earlier) => [100 - today, today - earlier]);
  return [[1], [1], ...draws];
}

/** Whether users meet what the split says: the route says so, and the gateway does it. */
export const isInForce = ({ route, refused }: TrafficSplit): boolean => route === "as-split" && !refused;

/** What users meet, in one sentence. */
export function describeSplit(split: TrafficSplit): string {
  if (split.route === "gone")
    return `Users reach nothing at the gateway: the route ${trafficRoute} is gone. Run npm start -- --refresh.`;
  return [
    describeShare(split),
    ...(split.route === "changed" ? ["The route's weights were changed by hand: the next look puts them right."] : []),
    ...(split.refused ? [`The gateway does not do what the route ${trafficRoute} says: ${split.refused}.`] : []),
  ].join(" ");
}

function describeShare(split: TrafficSplit): string {
  const { canary, production, version, percent, withdrawn, paused, analysis } = split;
  const [meet, meets] = isInForce(split) ? ["meet", "meets"] : ["should meet", "should meet"];
  if (!version) return `All users ${meet} ${production}.`;
  if (withdrawn) return `No user ${meets} ${version} in ${canary} any more: ${withdrawn}.`;
  if (paused) return `No user ${meets} ${version} in ${canary} for the time being: ${paused}.`;
  const judged = analysis && ` Analysis: ${analysis}.`;
  return `${percent} % of the users ${meet} ${version} in ${canary}.${judged}`;
}
