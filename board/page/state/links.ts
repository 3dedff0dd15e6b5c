import { argoCdNamespace, environmentApp, workflowNamespace } from "../../../components/shared/workflow-names";
import { modelName } from "../../../images/model";
import type { PipelineView } from "../../api";
import { numberOf } from "./version";

type Pages = PipelineView["links"];

/** The address if a browser may follow it; null for any other scheme, such as `javascript:`, and for no address. */
export function safeLink(address: string | undefined): string | null {
  if (!address || !URL.canParse(address)) return null;
  const { protocol, href } = new URL(address);
  return protocol === "https:" || protocol === "http:" ? href : null;
}

/** A place on a page; null where the page has no address. @param parts of the place, as they are called there */
function placeOn(page: string | undefined, root: string, ...parts: readonly string[]): string | null {
  const address = safeLink(page)?.replace(/[/]+$/, "");
  return address ? [`${address}${root}`, ...parts.map(encodeURIComponent)].join("/") : null;
}

/** A Workflow on the page of Argo Workflows. */
export const workflowLink = (pages: Pages, workflow: string): string | null =>
  placeOn(pages.argoWorkflows, "/workflows", workflowNamespace, workflow);

/** The Application of an environment on the page of Argo CD. */
export const applicationLink = (pages: Pages, environment: string): string | null =>
  placeOn(pages.argoCd, "/applications", argoCdNamespace, environmentApp(environment));

/** A version on MLflow's page. @param version `1.0.X`; anything else has no place there */
export function modelLink(pages: Pages, version: string): string | null {
  const number = numberOf(version);
  return number === null ? null : placeOn(pages.mlflow, "/#/models", modelName, "versions", String(number));
}
