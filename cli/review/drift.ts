/** What the cluster has otherwise than the program says, by the events of `pulumi preview --refresh`. */
import type { Change, Events } from "./events";
import { type ComparedChange, comparedChanges, detailOf, type Item, kindOf, subject } from "./items";
import { isRbac, rbacItem } from "./rbac";
import type { Summary } from "./summary";

/**
 * The differences between the cluster and the program, less what the pipeline and its people write. What nobody
 * declares is not looked at: an object or a field that the program doesn't know is no drift.
 */
export function driftOf({ changes }: Events): ComparedChange[] {
  const compared = comparedChanges(changes).map(({ change, differences }) => ({
    change,
    differences: differences.filter(({ path }) => !isPipelines(change, path)),
  }));
  return compared.filter(({ change, differences }) => change.operation !== "update" || differences.length > 0);
}

/** The release of an Application, the requests to look at it anew, and the freeze of promotions. */
function isPipelines(change: Change, path: readonly string[]): boolean {
  const within = (...start: string[]) => start.every((key, index) => path[index] === key);
  if (path[1] === "annotations" && path[2]?.startsWith("argocd.argoproj.io/")) return true;
  if (kindOf(change) === "Application") return within("spec", "source", "kustomize", "images");
  return subject(change) === "ConfigMap argo/promotion-freeze" && within("data");
}

/** The drift as a person reads it, what was done to the cluster first. */
export function summariseDrift(stack: string, events: Events): Summary {
  const drift = driftOf(events);
  const behindItsBack = ({ change }: ComparedChange) => events.refreshed.includes(change.urn);
  const gone = drift.filter((each) => behindItsBack(each) && each.change.operation === "create");
  const changed = drift.filter((each) => behindItsBack(each) && each.change.operation !== "create");
  const undeployed = drift.filter((each) => !behindItsBack(each));
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
  if (!complete) return "it could not be looked for to the end.";
  return count === 0
    ? "none: all that the program declares is in the cluster as it says."
    : `${count} object${count === 1 ? " differs" : "s differ"} from the program.`;
}

function itemOf({ change, differences }: ComparedChange): Item {
  if (isRbac(change)) return rbacItem(change);
  return {
    sign: change.operation,
    text: subject(change),
    details: change.operation === "update" ? differences.map(detailOf) : [],
  };
}
