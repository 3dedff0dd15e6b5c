import type { Workflow, WorkflowNode } from "../../client/workflows";

const start = Date.parse("2026-01-05T10:00:00Z");
/** A time of the story, in seconds after its begin, as Kubernetes writes it. */
const at = (second: number) => new Date(start + second * 1000).toISOString().replace(".000Z", "Z");

interface Story {
  readonly from: number;
  /** Second at which it ended; without one it still runs. */
  readonly to?: number;
  readonly phase?: string;
  readonly message?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly steps?: Step[];
}

interface Step {
  readonly name: string;
  readonly from: number;
  readonly to?: number;
  readonly phase?: string;
  readonly type?: string;
  readonly message?: string;
  /** Where the step is retried, its number is in the display name, as with Argo. */
  readonly tries?: number;
  readonly outputs?: Record<string, string>;
  readonly inExit?: boolean;
}

/** A Workflow as Argo 3.7 leaves it: global outputs that were never written are empty, skipped steps have nodes. */
export function workflow(
  template: string,
  { from, to, phase, message, outcome = "", reason = "", steps = [] }: Story,
): Workflow {
  const name = template === "train-model" ? "train-model-abc123" : `${template}-v7-def456`;
  return {
    metadata: { name, creationTimestamp: at(from), labels: { "gourmetgram.io/pipeline-run": "train-model-abc123" } },
    spec: { workflowTemplateRef: { name: template } },
    status: {
      phase: phase ?? (to === undefined ? "Running" : "Succeeded"),
      startedAt: at(from),
      finishedAt: to === undefined ? null : at(to),
      ...(message ? { message } : {}),
      outputs: {
        parameters: [
          { name: "outcome", value: outcome },
          { name: "reason", value: reason },
        ],
      },
      nodes: {
        [name]: { name, displayName: name, type: "Steps", phase: "Running", startedAt: at(from) },
        ...Object.fromEntries(steps.map((step, index) => [`${name}-${index}`, node(name, step)])),
      },
    },
  };
}

function node(
  owner: string,
  { name, from, to, phase, type = "Pod", message, tries, outputs = {}, inExit }: Step,
): WorkflowNode {
  const displayName = tries === undefined ? name : `${name}(${tries})`;
  return {
    name: `${owner}${inExit ? ".onExit" : ""}[0].${displayName}`,
    displayName,
    type,
    phase: phase ?? (to === undefined ? "Running" : "Succeeded"),
    startedAt: at(from),
    ...(to === undefined ? {} : { finishedAt: at(to) }),
    ...(message ? { message } : {}),
    outputs: { parameters: Object.entries(outputs).map(([key, value]) => ({ name: key, value })) },
  };
}

/** A step that Argo left out. */
export const skipped = (name: string, second: number, inExit = false): Step => ({
  name,
  from: second,
  to: second,
  type: "Skipped",
  phase: "Skipped",
  message: "when ''fail' == 'pass'' evaluated false",
  inExit,
}); // prettier-ignore

/** A gate with its report. */
export const gate = (name: string, from: number, to: number, verdict: string, reason: string): Step => ({
  name,
  from,
  to,
  tries: 0,
  outputs: { verdict, report: JSON.stringify({ gate: name, verdict, reason, metrics: {} }) },
}); // prettier-ignore
