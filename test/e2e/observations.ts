import { connect } from "../../cli/cluster";
import { readStatus, Status } from "../../cli/status";
import { Workflow } from "../../cli/workflows";
import { chainLabel } from "../../components/workflow-names";

/** What a person would look up: the environments, the models, and the addresses. */
export function status(): Promise<Status> {
  return readStatus(connect());
}

/** The version that an address serves, as a browser would see it. */
export async function served(url: string): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${url}/version`);
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** HTTP status of a page, redirects followed. */
export async function page(url: string): Promise<number> {
  return (await fetch(url)).status;
}

/** The Workflows of the newest chain: template → phase. */
export async function newestChain(): Promise<Record<string, string>> {
  const { items } = await connect().api<{ items: Workflow[] }>("/apis/argoproj.io/v1alpha1/namespaces/argo/workflows");
  const newest = items.sort((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))[0];
  const chain = newest.metadata.labels![chainLabel];
  const members = items.filter(({ metadata }) => metadata.labels?.[chainLabel] === chain);
  return Object.fromEntries(members.map((workflow) => [workflow.spec.workflowTemplateRef!.name, workflow.status?.phase ?? "Pending"]));
}
