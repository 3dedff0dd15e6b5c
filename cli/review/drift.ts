/** Where the cluster differs from the program, by the events of `pulumi preview --refresh`. */
import type { Change, Events } from "./events";
import { type ComparedChange, comparedChanges, detailOf, type Item, kindOf, subject } from "./items";
import { isRbac, rbacItem } from "./rbac";
import type { Summary } from "./summary";

/**
 * The differences between the cluster and the program, without the fields that the pipeline and its users write. An
 * object or a field that the program does not declare is not drift.
 */
export function driftOf({ changes }: Events): ComparedChange[] {
  const compared = comparedChanges(changes).map(({ change, differences }) => ({
    change,
    differences: differences.filter(({ path }) => !isOwnedByPipeline(change, path)),
  }));
  return compared.filter(({ change, differences }) => change.operation !== "update" || differences.length > 0);
}

/** The release of an Application, the annotations that request a refresh of it, and the freeze of promotions. */
function isOwnedByPipeline(change: Change, path: readonly string[]): boolean {
  const within = (...start: string[]) => start.every((key, index) => path[index] === key);
  if (path[1] === "annotations" && path[2]?.startsWith("argocd.argoproj.io/")) return true;
  if (kindOf(change) === "Application") return within("spec", "source", "kustomize", "images");
  return subject(change) === "ConfigMap argo/promotion-freeze" && within("data");
}

/** The drift as a person reads it, changes of the cluster first. */
export function summariseDrift(stack: string, events: Events): Summary {
  const drift = driftOf(events);
  const isInCluster = ({ change }: ComparedChange) => events.refreshed.includes(change.urn);
  const clusterDrift = drift.filter(isInCluster);
  const gone = clusterDrift.filter(({ change }) => change.operation === "create");
  const changed = clusterDrift.filter(({ change }) => change.operation !== "create");
  const undeployed = drift.filter((compared) => !isInCluster(compared));
  const sections = [
    { title: "Errors", items: events.errors.map((text): Item => ({ sign: "violation", text, details: [] })) },
    { title: "Changed in the cluster", items: changed.map(itemOf) },
    { title: "Gone from the cluster", items: gone.map(itemOf) },
    { title: "In the program, not deployed yet", items: undeployed.map(itemOf) },
  ];
  return {
    title: `Drift of ${stack}`,
    sentence: sentence(events, drift.length),
    sides: ["in the cluster", "in the program"],
    sections: sections.filter(({ items }) => items.length > 0),
  };
}

function sentence({ complete }: Events, count: number): string {
  if (!complete) return "the check did not complete.";
  if (count === 0) return "none: the cluster is as the program declares.";
  const differ = `${count} object${count === 1 ? " differs" : "s differ"} from the program.`;
  // Without a refresh, Pulumi does not look at the cluster, and an update changes nothing.
  return `${differ} To make the cluster as the program declares, run npm start -- --refresh.`;
}

function itemOf({ change, differences }: ComparedChange): Item {
  if (isRbac(change)) return rbacItem(change);
  return {
    sign: change.operation,
    text: subject(change),
    details: change.operation === "update" ? differences.map(detailOf) : [],
  };
}
