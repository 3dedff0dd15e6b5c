/** What a change does to what runs: replaced, deleted, restarted. */
import type { Difference } from "./compare";
import type { Change } from "./events";
import { type ComparedChange, detailOf, type Item, kindOf, subject } from "./items";

/** What goes with an object that is deleted, or replaced by a new one. */
const losses: Record<string, string> = {
  PersistentVolumeClaim: "its data is lost",
  Namespace: "everything in it goes too",
  CustomResourceDefinition: "every object of its kind goes too",
};
const workloads = ["Deployment", "StatefulSet", "DaemonSet"];

const isJob = (change: Change): boolean => kindOf(change) === "Job";

/** The consequence of a change for what runs; undefined where there is none. */
export function impactItem({ change, differences }: ComparedChange): Item | undefined {
  const { operation } = change;
  const loss = losses[kindOf(change)];
  const ending = loss ? `: ${loss}` : "";
  if (operation === "delete") return { sign: "delete", text: `${subject(change)} is deleted${ending}`, details: [] };
  if (operation === "replace")
    return {
      sign: "replace",
      text: `${subject(change)} is replaced${ending || reason(change)}`,
      details: isJob(change) ? [] : differences.map(detailOf),
    };
  const restarted = operation === "update" && restartedPods(change, differences);
  return restarted ? { sign: "restart", text: restarted, details: [] } : undefined;
}

/** How much a consequence matters: lost data first, what merely starts anew last. */
export function weight({ sign, text }: Item): number {
  if (Object.values(losses).some((loss) => text.endsWith(loss))) return 0;
  return sign === "delete" ? 1 : sign === "replace" && !text.startsWith("Job ") ? 2 : sign === "restart" ? 3 : 4;
}

function reason(change: Change): string {
  if (isJob(change)) return ": it runs anew";
  return change.replacedFor.length > 0
    ? `, since ${change.replacedFor.join(" and ")} can't change in place`
    : ", with what it depends on";
}

function restartedPods(change: Change, differences: readonly Difference[]): string | undefined {
  const under = (...start: string[]) =>
    differences.some(({ path }) => start.every((key, index) => path[index] === key));
  if (workloads.includes(kindOf(change)) && under("spec", "template")) return `${subject(change)} restarts its pods`;
  if (kindOf(change) !== "ConfigMap") return undefined;
  // An environment's Deployment is text here: Argo CD applies it.
  const app = subject(change).replace(/^ConfigMap (.*)-bundle$/, "Deployment $1");
  if (under("data", "deployment.yaml", "spec", "template")) return `${app} restarts its pods`;
  return under("data", "kustomization.yaml")
    ? `${app} restarts its pods where it still runs the base image`
    : undefined;
}
