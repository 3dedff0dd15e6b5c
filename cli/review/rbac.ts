/** What a change lets somebody do in the cluster, and no longer do. */
import type { Properties } from "./compare";
import type { Change } from "./events";
import { type Detail, type Item, kindOf, subject } from "./items";

const kinds = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs?: string[];
}
interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

export const isRbac = (change: Change): boolean => kinds.includes(kindOf(change));

/** The rights that come and go with a role or a binding. */
export function rbacItem(change: Change): Item {
  const [olds, news] = [change.before, change.after].map(sentences);
  const lost = olds.filter(({ text }) => !news.some((other) => other.text === text));
  const gained = news.filter(({ text }) => !olds.some((other) => other.text === text));
  const details: Detail[] = [
    ...lost.map(({ label, text }) => ({ label, before: text })),
    ...gained.map(({ label, text }) => ({ label, after: text })),
  ];
  return { sign: change.operation, text: subject(change), details };
}

function sentences({ rules, roleRef, subjects }: Properties): { label: string; text: string }[] {
  const role = roleRef as Subject | undefined;
  return [
    ...((rules ?? []) as Rule[]).map((rule) => ({ label: "may", text: ruleText(rule) })),
    ...(role ? [{ label: "gives", text: `${role.kind} ${role.name}` }] : []),
    ...((subjects ?? []) as Subject[]).map(({ kind, name, namespace }) => ({
      label: "to",
      text: `${kind} ${namespace ? `${namespace}/` : ""}${name}`,
    })),
  ];
}

/** `get, patch applications (argoproj.io) named gourmetgram-canary` */
function ruleText({
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
  verbs = [],
}: Rule): string {
  const groups = apiGroups.filter(Boolean);
  const names = resourceNames.length > 0 ? ` named ${resourceNames.join(", ")}` : "";
  return `${verbs.join(", ")} ${[...resources, ...nonResourceURLs].join(", ")}${groups.length > 0 ? ` (${groups.join(", ")})` : ""}${names}`;
}
