/** A preview's summary, for the person who reviews it. */

import { environmentType } from "../../components/shared/workflow-names";
import { dataLossLine } from "./data-loss";
import { type Events, nameOf, type Violation } from "./events";
import { imagesItem, isImage } from "./images";
import { byImpact, impactItem } from "./impact";
import { type ComparedChange, comparedChanges, detailOf, type Item, labelOf, type Sign, subject } from "./items";
import { isRbac, rbacItem } from "./rbac";
import { volumeSizeErrors } from "./volume-size";

export interface Section {
  readonly title: string;
  readonly items: readonly Item[];
}

export interface Summary {
  /** What the reader must not miss, before the title. */
  readonly alarm?: string;
  /** `Preview of staging` */
  readonly title: string;
  /** All of it in one sentence. */
  readonly sentence: string;
  /** What the two sides of a detail are. */
  readonly sides: readonly [string, string];
  /** The most pressing first, without empty ones. */
  readonly sections: readonly Section[];
}

/**
 * Sorts a preview's changes by what a reviewer asks first. Each change is in one section.
 * @param unchecked what could not be checked, a sentence each
 */
export function summarise(stack: string, events: Events, unchecked: readonly string[]): Summary {
  const changes = comparedChanges(events.changes);
  // Replaced and deleted resources are listed by their impact.
  const inPlace = changes.filter(({ change }) => ["create", "update"].includes(change.operation) && !isRbac(change));
  const environmentOf = ({ change: { owner } }: ComparedChange) =>
    owner.type === environmentType ? owner.name : undefined;
  const environments = [...new Set(inPlace.flatMap((compared) => environmentOf(compared) ?? []))].sort();
  const textItems = (sign: Sign, texts: readonly string[]): Item[] =>
    texts.map((text) => ({ sign, text, details: [] }));
  const sections: Section[] = [
    { title: "Policy violations", items: [...events.violations].sort(mandatoryFirst).map(violationItem) },
    { title: "Errors", items: textItems("violation", [...volumeSizeErrors(events), ...events.errors]) },
    {
      title: "Replaced, deleted, restarted",
      items: changes.flatMap((change) => impactItem(change) ?? []).sort(byImpact),
    },
    ...environments.map((name) => ({
      title: `Environment ${name}`,
      items: inPlace.filter((change) => environmentOf(change) === name).flatMap((change) => changeItem(change) ?? []),
    })),
    { title: "Images", items: changes.flatMap((change) => imagesItem(change) ?? []) },
    {
      title: "Rights",
      items: changes.filter(({ change }) => isRbac(change)).map(({ change }) => rbacItem(change)),
    },
    {
      title: "Everything else",
      items: inPlace.filter((change) => !environmentOf(change)).flatMap((change) => changeItem(change) ?? []),
    },
    { title: "Warnings", items: textItems("warning", events.warnings) },
    { title: "Not checked", items: textItems("note", [...unchecked, ...policyGaps(events)]) },
  ];
  return {
    alarm: dataLossLine(events),
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

/**
 * A change made in place, without the images, which have their section. Of a new resource, only the settings that a
 * reviewer looks for are listed.
 */
function changeItem({ change, differences }: ComparedChange): Item | undefined {
  const others = differences.filter((difference) => !isImage(difference));
  if (change.operation === "update" && differences.length > 0 && others.length === 0) return undefined;
  const listed = change.operation === "update" ? others : others.filter(labelOf);
  return { sign: change.operation, text: subject(change), details: listed.map(detailOf) };
}

/** What no policy can check, and one sentence for each policy that could not check something. */
function policyGaps({ uncheckedByPolicy }: Events): string[] {
  const reasons = [...new Set(uncheckedByPolicy.flatMap(({ reason }) => reason?.split("\n") ?? []))].sort();
  const unknowns = uncheckedByPolicy.filter(({ reason }) => reason === undefined);
  const policies = [...new Set(unknowns.map(({ policy }) => policy))].sort();
  const resourcesOf = (name: string) => [
    ...new Set(unknowns.filter(({ policy }) => policy === name).map(({ urn }) => nameOf(urn))),
  ];
  return [
    ...reasons,
    ...policies.map(
      (policy) =>
        `${policy} on ${resourcesOf(policy).sort().join(", ")}: it reads a value that is known only once applied`,
    ),
  ];
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
