import { counted } from "../../lib/counted";
import { parseJson } from "../../lib/json";
import { kubectl } from "./kubectl";

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly state?: State;
  readonly lastState?: State;
}

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason?: string };
}

export interface Pod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** Argo Workflows writes it on the pods of its steps. */
const workflowLabel = "workflows.argoproj.io/workflow";

/** The most pods that are told. */
const bar = 10;

/** Why pods are not ready, one line a pod, at most ten. A container that is only waiting for another is not named. */
export function describeStuckPods(pods: readonly Pod[]): string[] {
  const lines = pods.filter(isStuck).map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}: ${reason(pod)}`);
  return lines.length > bar ? [...lines.slice(0, bar), `and ${lines.length - bar} more`] : lines;
}

/** A step of a Workflow that failed has ended too, and holds up nothing. A Job's pod that failed may be why. */
function isStuck({ metadata, status }: Pod): boolean {
  const isReady = status.conditions?.some(({ type, status: word }) => type === "Ready" && word === "True");
  const isStep = workflowLabel in (metadata.labels ?? {});
  return !isReady && status.phase !== "Succeeded" && !(isStep && status.phase === "Failed");
}

function reason({ status }: Pod): string {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const [trouble] = containers.flatMap(containerTrouble);
  const unscheduled = status.conditions?.find(({ type, status: word }) => type === "PodScheduled" && word === "False");
  return trouble ?? unscheduled?.message ?? status.phase ?? "unknown";
}

/** What keeps one container from running, or nothing. */
function containerTrouble({ name, restartCount, state, lastState }: ContainerStatus): string[] {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended && ended.exitCode !== 0)
    return [
      `${name} ended ${counted(restartCount + 1, "time")}, ` +
        `last with ${ended.reason ?? "Error"} (exit code ${ended.exitCode})`,
    ];
  const { reason: word, message } = state?.waiting ?? {};
  if (!word || ["PodInitializing", "ContainerCreating"].includes(word)) return [];
  return [`${name}: ${[word, message?.split("\n")[0]].filter(Boolean).join(": ")}`];
}

/** The pods of the local cluster that are not ready, in words; nothing if the cluster does not answer. */
export async function stuckPods(): Promise<string[]> {
  const listed = await kubectl("get", "pods", "--all-namespaces", "--output", "json").catch(() => "");
  return describeStuckPods((parseJson(listed) as { items: Pod[] } | undefined)?.items ?? []);
}
