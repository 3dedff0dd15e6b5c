import { z } from "zod";
import { dataDriftName, workflowNamespace } from "../components/shared/workflow-names";
import { counted } from "../lib/counted";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { timestamp } from "../lib/timestamp";
import type { Parameters } from "./environments";

/** How far what people send lately is from what the model of an environment learnt from. */
export interface DataDrift {
  readonly environment: string;
  /** Distance beyond which a look is over the bar, 0 to 1. */
  readonly bar: number;
  /** The last looks at enough answers, at most five, oldest first. A training that a drift starts begins them anew. */
  readonly looks: readonly Look[];
  /** When a drift last started a training, in seconds since 1970; 0: never. */
  readonly trained: number;
}

interface Look {
  /** The figure of the pictures that is farthest from the training. */
  readonly feature: string;
  /** Its distance, 0 to 1. */
  readonly distance: number;
  readonly isOver: boolean;
}

/** Path of what was seen lately in the Kubernetes API. */
export const dataDriftPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/${dataDriftName}`;

const parameter = z.object({ environment: z.string(), bar: z.number() });

/** What the ConfigMap holds (`workflows/lib/drift.py`), unless a person wrote something else there. */
const held = z.object({
  windows: z.array(z.tuple([z.number(), z.number(), z.string(), z.number(), z.boolean()])),
  trained: z.number(),
});

/**
 * What the looks at people's pictures found, or null in a stack that does not watch for data drift.
 * @param parameters those of the pipeline
 */
export async function readDataDrift(cluster: Cluster, parameters: Parameters): Promise<DataDrift | null> {
  const asked = parameter.safeParse(parseJson(parameters["data-drift"] || "null"));
  if (!asked.success) return null;
  const { data } = await cluster.api<{ data?: { state?: string } }>(dataDriftPath);
  const state = held.safeParse(parseJson(data?.state || "null"));
  const { windows, trained } = state.success ? state.data : { windows: [], trained: 0 };
  const looks = windows.map(([, , feature, distance, isOver]) => ({ feature, distance, isOver }));
  return { environment: asked.data.environment, bar: asked.data.bar, looks, trained };
}

/** What the looks found, in one sentence. */
export function describeDataDrift({ environment, bar, looks, trained }: DataDrift): string {
  const latest = looks.at(-1);
  const training = trained > 0 ? `, the last training for it at ${timestamp(new Date(trained * 1000))}` : "";
  const found = latest
    ? `${looks.filter(({ isOver }) => isOver).length} of ${counted(looks.length, "look")} over ${bar}, ` +
      `the latest at ${latest.distance} (${latest.feature})`
    : "no look at enough answers yet";
  return `Data drift in ${environment}: ${found}${training}.`;
}
