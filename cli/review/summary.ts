/** What a preview comes to, for the person who is to agree to it. */

import { type Events, nameOf, type Violation } from "./events";
import { imagesItem, isImage } from "./images";
import { impactItem, weight } from "./impact";
import { type ComparedChange, comparedChanges, detailOf, type Item, labelOf, type Sign, subject } from "./items";
import { isRbac, rbacItem } from "./rbac";

export interface Section {
  readonly title: string;
  readonly items: readonly Item[];
}

export interface Summary {
  /** `Preview of staging` */
  readonly title: string;
  /** All of it in one sentence. */
  readonly sentence: string;
  /** What the two sides of a detail are. */
  readonly sides: readonly [string, string];
  /** The most pressing first; those with nothing in them are left out. */
  readonly sections: readonly Section[];
}

const environmentType = "gourmetgram:release:Environment";

/**
 * Sorts what a preview found by what a reviewer asks first. Each thing stands in one place.
 * @param unchecked what could not be checked, a sentence each
 */
export function summarise(stack: string, events: Events, unchecked: readonly string[]): Summary {
  const compared = comparedChanges(events.changes);
  // What is replaced or deleted is told under its consequence.
  const inPlace = compared.filter(({ change }) => ["create", "update"].includes(change.operation) && !isRbac(change));
  const environmentOf = ({ change: { owner } }: ComparedChange) =>
    owner.type === environmentType ? owner.name : undefined;
  const environments = [...new Set(inPlace.flatMap((each) => environmentOf(each) ?? []))].sort();
  const said = (sign: Sign, texts: readonly string[]): Item[] => texts.map((text) => ({ sign, text, details: [] }));
  const sections: Section[] = [
    { title: "Policy violations", items: [...events.violations].sort(mandatoryFirst).map(violationItem) },
    { title: "Errors", items: said("violation", events.errors) },
    {
      title: "Replaced, deleted, restarted",
      items: compared.flatMap((each) => impactItem(each) ?? []).sort((a, b) => weight(a) - weight(b)),
    },
    ...environments.map((name) => ({
      title: `Environment ${name}`,
      items: inPlace.filter((each) => environmentOf(each) === name).flatMap((each) => changeItem(each) ?? []),
    })),
    { title: "Images", items: compared.flatMap((each) => imagesItem(each) ?? []) },
    {
      title: "Rights",
      items: compared.filter(({ change }) => isRbac(change)).map(({ change }) => rbacItem(change)),
    },
    {
      title: "Everything else",
      items: inPlace.filter((each) => !environmentOf(each)).flatMap((each) => changeItem(each) ?? []),
    },
    { title: "Warnings", items: said("warning", events.warnings) },
    { title: "Not checked", items: said("note", [...unchecked, ...unjudgedSentences(events)]) },
  ];
  return {
    title: `Preview of ${stack}`,
    sentence: counts(events),
    sides: ["before", "after"],
    sections: sections.filter(({ items }) => items.length > 0),
  };
}

/** `2 to update, 1 to replace, 142 unchanged.` */
function counts({ changes, unchanged, complete }: Events): string {
  const words = (["create", "update", "replace", "delete"] as const).flatMap((operation) => {
    const count = changes.filter((change) => change.operation === operation).length;
    return count > 0 ? `${count} to ${operation}` : [];
  });
  const all = [
    ...(words.length > 0 ? words : ["nothing to change"]),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ].join(", ");
  return complete ? `${all}.` : `Pulumi stopped before the end: ${all} so far.`;
}

/** A change made in place, less the images, which have a section of their own. Of what is new, the settings that a reviewer looks for. */
function changeItem({ change, differences }: ComparedChange): Item | undefined {
  const others = differences.filter((difference) => !isImage(difference));
  if (change.operation === "update" && differences.length > 0 && others.length === 0) return undefined;
  const told = change.operation === "update" ? others : others.filter(labelOf);
  return { sign: change.operation, text: subject(change), details: told.map(detailOf) };
}

/** One sentence for each policy. */
function unjudgedSentences({ unjudged }: Events): string[] {
  const policies = [...new Set(unjudged.map(({ policy }) => policy))].sort();
  const judgedBy = (policy: string) => unjudged.filter((each) => each.policy === policy).map(({ urn }) => nameOf(urn));
  return policies.map(
    (policy) =>
      `${policy} on ${[...new Set(judgedBy(policy))].sort().join(", ")}: it looks at a value that is known only once applied`,
  );
}

function violationItem({ level, policy, message, urn }: Violation): Item {
  return {
    sign: level === "mandatory" ? "violation" : "warning",
    text: `${urn ? `${nameOf(urn)}: ` : ""}${message} (${level}, ${policy})`,
    details: [],
  };
}

function mandatoryFirst(a: Violation, b: Violation): number {
  return Number(b.level === "mandatory") - Number(a.level === "mandatory");
}
