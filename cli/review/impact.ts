/** The impact of a change on what runs: replaced, deleted, restarted. */
import { lossOf } from "../../stacks/data-loss";
import type { Difference } from "./compare";
import type { Change } from "./events";
import { type ComparedChange, detailOf, type Item, kindOf, subject } from "./items";

const workloads = ["Deployment", "StatefulSet", "DaemonSet"];

const isJob = (change: Change): boolean => kindOf(change) === "Job";

/** The impact of a change on what runs; undefined if there is none. */
export function impactItem({ change, differences }: ComparedChange): Item | undefined {
  const { operation } = change;
  const loss = lossOf(change);
  const ending = loss ? `: ${loss}` : "";
  if (operation === "delete")
    return { sign: "delete", text: `${subject(change)} is deleted${ending}`, losesData: Boolean(loss), details: [] };
  if (operation === "replace")
    return {
      sign: "replace",
      text: `${subject(change)} is replaced${ending || reason(change)}`,
      losesData: Boolean(loss),
      details: isJob(change) ? [] : differences.map(detailOf),
    };
  const restarted = operation === "update" && restartedPods(change, differences);
  return restarted ? { sign: "restart", text: restarted, details: [] } : undefined;
}

/** The worst impact comes first: lost data, then deletions, replacements and restarts, then Jobs that run again. */
export function byImpact(a: Item, b: Item): number {
  return impactRank(a) - impactRank(b);
}

function impactRank({ sign, text, losesData }: Item): number {
  if (losesData) return 0;
  if (sign === "delete") return 1;
  if (sign === "replace" && !text.startsWith("Job ")) return 2;
  return sign === "restart" ? 3 : 4;
}

function reason(change: Change): string {
  if (isJob(change)) return ": it runs again";
  return change.replacedFor.length > 0
    ? `, since ${change.replacedFor.join(" and ")} can't change in place`
    : ", with what it depends on";
}

function restartedPods(change: Change, differences: readonly Difference[]): string | undefined {
  const under = (...start: string[]) =>
    differences.some(({ path }) => start.every((key, index) => path[index] === key));
  if (workloads.includes(kindOf(change)) && under("spec", "template")) return `${subject(change)} restarts its pods`;
  if (kindOf(change) !== "ConfigMap") return undefined;
  // The bundle contains an environment's Deployment as text, which Argo CD applies.
  const app = subject(change).replace(/^ConfigMap (.*)-bundle$/, "Deployment $1");
  if (under("data", "deployment.yaml", "spec", "template")) return `${app} restarts its pods`;
  return under("data", "kustomization.yaml")
    ? `${app} restarts its pods where it still runs the base image`
    : undefined;
}
