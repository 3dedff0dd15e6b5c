/** A change as a person reads it: its subject, and what differs. */
import { isRecord, type Properties } from "../../lib/record";
import { kindOfType } from "../../stacks/data-loss";
import { compare, type Difference, otherSecret, pathText } from "./compare";
import { type Change, nameOf, type Operation, unknown } from "./events";
import { secret } from "./redact";

export type Sign = Operation | "restart" | "violation" | "warning" | "note";

/** One entry of a summary, with its details. */
export interface Item {
  readonly sign: Sign;
  readonly text: string;
  /** Whether the update loses data by it; default false. */
  readonly losesData?: boolean;
  readonly details: readonly Detail[];
}

/** A property before and after; a side is undefined if it lacks the property. */
export interface Detail {
  readonly label: string;
  readonly before?: string;
  readonly after?: string;
}

/** A change with all that differs in it. */
export interface ComparedChange {
  readonly change: Change;
  readonly differences: readonly Difference[];
}

export const kindOf = ({ type }: Change): string => kindOfType(type);

/** `Deployment argo/argo-server`; a resource without a name in the cluster gets the one that the program gives it. */
export function subject(change: Change): string {
  const metadata = [change.before.metadata, change.after.metadata].find(
    (candidate) => isRecord(candidate) && isKnownText(candidate.name),
  ) as Properties | undefined;
  if (!metadata) return `${kindOf(change)} ${nameOf(change.urn)}`;
  const { namespace, name } = metadata;
  return `${kindOf(change)} ${isKnownText(namespace) ? `${namespace}/` : ""}${name as string}`;
}

const isKnownText = (value: unknown): value is string => typeof value === "string" && value !== unknown;

/** The changes in the order of their subjects, since the engine's order differs from one preview to the next. */
export function comparedChanges(changes: readonly Change[]): ComparedChange[] {
  return changes.map(comparedChange).sort((a, b) => subject(a.change).localeCompare(subject(b.change)));
}

/** All that differs. Only the provider reports which secrets differ. */
function comparedChange(change: Change): ComparedChange {
  const secrets = change.differing
    .map(keysOf)
    .filter((path) => isSecret(change.before, path) || isSecret(change.after, path));
  return {
    change,
    differences: [
      ...compare(change.before, change.after),
      ...secrets.map((path) => ({ path, before: secret, after: otherSecret })),
    ].filter(firstOfPath),
  };
}

/** Settings that a reviewer looks for first, by the end of their path. */
const labels: [RegExp, string][] = [
  [/containers\.\[(.+)]\.resources\.limits\.(\w+)$/i, "$2 limit ($1)"],
  [/containers\.\[(.+)]\.resources\.requests\.(\w+)$/i, "$2 request ($1)"],
  [/\bspec\.replicas$/, "replicas"],
  [/\bspec\.ports\.\[(.+)]\.port$/, "port ($1)"],
  [/\bspec\.ports\.\[(.+)]\.nodePort$/, "node port ($1)"],
  [/\bspec\.progressDeadlineSeconds$/, "rollout timeout, in seconds"],
  [/\bspec\.source\.targetRevision$/, "bundle"],
];

/** The name of a setting that a reviewer looks for first; undefined for any other property. */
export function labelOf({ path }: Difference): string | undefined {
  const text = path.join(".");
  const found = labels.find(([pattern]) => pattern.test(text));
  return found && text.match(found[0])![0].replace(found[0], found[1]);
}

export const detailOf = (difference: Difference): Detail => ({
  label: labelOf(difference) ?? pathText(difference.path),
  before: difference.before,
  after: difference.after,
});

/** `spec.ports[0].port`, as the engine writes it, in keys. */
function keysOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"]|[^.[\]]+/g)].map(([token, quoted]) => quoted ?? token);
}

function isSecret(properties: unknown, [key, ...rest]: readonly string[]): boolean {
  if (properties === secret) return true;
  if (key === undefined || typeof properties !== "object" || properties === null) return false;
  return isSecret((properties as Properties)[key], rest);
}

function firstOfPath({ path }: Difference, index: number, all: readonly Difference[]): boolean {
  return all.findIndex((other) => other.path.join("\0") === path.join("\0")) === index;
}
