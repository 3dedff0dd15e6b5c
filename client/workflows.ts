import { randomBytes } from "node:crypto";
import {
  cronLabel,
  parentLabel,
  pipelineRunLabel,
  submittedBy,
  workflowNamespace,
} from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";
import { type Patience, patiently, usualPatience } from "../lib/patience";

export interface WorkflowNode {
  /** Path of the step: `<workflow>[0].train`. */
  name: string;
  displayName: string;
  type: string;
  phase: string;
  startedAt?: string;
  finishedAt?: string;
  message?: string;
  outputs?: { parameters?: { name: string; value?: string }[] };
}

export interface Workflow {
  metadata: {
    name: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: {
    workflowTemplateRef?: { name: string };
    arguments?: { parameters?: { name: string; value?: string }[] };
  };
  status?: {
    phase?: string;
    message?: string;
    startedAt?: string;
    finishedAt?: string | null;
    nodes?: Record<string, WorkflowNode>;
    outputs?: { parameters?: { name: string; value?: string }[] };
  };
}

const path = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}`;
/** Path of the Workflows in the Kubernetes API. */
export const workflowsPath = `${path}/workflows`;

/** What happens while a Workflow is submitted. */
export interface Submission {
  /** Called once nobody can say any more that nothing was started. */
  readonly onSend?: (name: string) => void;
  /** Called with the reason if the API server has to be waited for. */
  readonly onWait?: (reason: string) => void;
  /** Default {@link usualPatience}. */
  readonly patience?: Patience;
}

/**
 * Submits a workflow template, as the first Workflow of a pipeline run. An API server that is unreachable for some
 * seconds is waited for.
 * @returns the name of the Workflow, which is also the name of the pipeline run
 */
export async function submit(
  cluster: Cluster,
  template: string,
  parameters: Record<string, string>,
  { onSend = () => {}, onWait = () => {}, patience = usualPatience }: Submission = {},
): Promise<string> {
  const patient = <T>(work: () => Promise<T>) => patiently(work, onWait, patience);
  const name = `${template}-${randomBytes(3).toString("hex")}`;
  await patient(() => cluster.api(`${path}/workflowtemplates/${template}`)).catch((error: Error) => {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new Error(`the cluster has no template ${template} (${error.message}): run npm start, or pulumi up`);
  });
  const username = await patient(() => cluster.username());
  const workflow = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      name,
      namespace: workflowNamespace,
      labels: { [pipelineRunLabel]: name },
      annotations: { [submittedBy]: username },
    },
    spec: {
      workflowTemplateRef: { name: template },
      arguments: { parameters: Object.entries(parameters).map(([key, value]) => ({ name: key, value })) },
    },
  };
  onSend(name);
  let isRepeated = false;
  await patient(async () => {
    try {
      await cluster.api(workflowsPath, { method: "POST", body: workflow });
    } catch (error) {
      // The call whose answer was lost has made it.
      if (isRepeated && error instanceof ApiError && error.status === 409) return;
      isRepeated = true;
      throw error;
    }
  });
  return name;
}

/** Every Workflow that the cluster has, those that have ended too. */
export async function listWorkflows(cluster: Cluster): Promise<Workflow[]> {
  return (await cluster.api<{ items: Workflow[] }>(workflowsPath)).items;
}

/** Every Workflow of a pipeline run, oldest first. */
export async function pipelineRunWorkflows(cluster: Cluster, pipelineRun: string): Promise<Workflow[]> {
  const query = `labelSelector=${encodeURIComponent(`${pipelineRunLabel}=${pipelineRun}`)}`;
  const { items } = await cluster.api<{ items: Workflow[] }>(`${workflowsPath}?${query}`);
  return items.sort(
    (a, b) =>
      a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
}

/** Labels that Argo's own server gives a Workflow, for who is signed in there. */
const creatorLabels = ["creator-preferred-username", "creator-email", "creator"].map(
  (name) => `workflows.argoproj.io/${name}`,
);

/** Who or what asked for a Workflow, in the words of `requester` in `workflows/lib/release_log.py`. */
export function requesterOf({ metadata: { labels = {}, annotations = {} } }: Workflow): string {
  if (labels[parentLabel]) return `pipeline run ${labels[pipelineRunLabel] ?? ""}`;
  if (annotations[submittedBy]) return annotations[submittedBy];
  if (labels[cronLabel]) return `schedule ${labels[cronLabel]}`;
  const creator = creatorLabels.find((label) => labels[label]);
  return creator ? `${labels[creator]}, as a label says` : "somebody whom Argo does not know";
}
