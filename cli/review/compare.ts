/** Where two sets of properties differ, as a person reads it. */

import * as yaml from "js-yaml";
import { counted } from "../../lib/counted";
import { isRecord, type Properties } from "../../lib/record";
import { holdsSecret } from "../../policy/secrets";
import { holdsData, nameOf, redactValue, secret } from "./redact";

/** One property that differs; a side is undefined if it lacks the property. */
export interface Difference {
  /** Keys from the outside in; an item of a list by its name, else by its index: `[app]`, `[0]`. */
  readonly path: readonly string[];
  readonly before?: string;
  readonly after?: string;
}

type Sides = Pick<Difference, "before" | "after">;

/** Stands for a secret that differs from the one before. */
export const otherSecret = `${secret}, another one`;
const longest = 200;

/**
 * The smallest properties in which two values differ. A text with a YAML or JSON document is compared property by
 * property: an environment's Deployment is such a text.
 */
export function compare(before: unknown, after: unknown, path: readonly string[] = []): Difference[] {
  return compareNamed(before, after, path, path.at(-1) ?? "", false);
}

/**
 * @param name name by which it is judged whether the values are secret: the key, or the name of a variable
 * @param isHidden whether they are secret whatever their name
 */
function compareNamed(
  before: unknown,
  after: unknown,
  path: readonly string[],
  name: string,
  isHidden: boolean,
): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if ([before, after].some((value) => typeof value === "string" && (isHidden || holdsSecret(name, value))))
    return [{ path, ...compareSecrets(before, after) }];
  const [olds, news] = [children(before), children(after)];
  if ((olds || news) && (olds || isEmpty(before)) && (news || isEmpty(after))) {
    const keys = [...new Set([...Object.keys(olds ?? {}), ...Object.keys(news ?? {})])];
    return keys.flatMap((key) => {
      const hides = isHidden || holdsData(olds, key) || holdsData(news, key);
      const keyName = key === "value" ? nameOf(news, olds) : key;
      return compareNamed(olds?.[key], news?.[key], [...path, key], keyName, hides);
    });
  }
  return [{ path, ...compareLeaf(before, after, name) }];
}

/** Two values that are compared as a whole. */
function compareLeaf(before: unknown, after: unknown, name: string): Sides {
  if (isText(before) && isText(after)) return compareTexts(before, after);
  const [old, next] = [before, after].map((value) => displayText(value, name));
  if (old === secret && next === secret) return { before: old, after: otherSecret };
  const differInSecret = old !== undefined && old === next && old.includes(secret);
  return { before: old, after: differInSecret ? `${next} (another secret)` : next };
}

/** Two different values of a property that holds a secret: neither is ever shown. */
function compareSecrets(before: unknown, after: unknown): Sides {
  if (before === undefined) return { after: secret };
  if (after === undefined) return { before: secret };
  return { before: secret, after: otherSecret };
}

/** A path as a person reads it: `spec.template.spec.containers[app].image`, `data["deployment.yaml"].spec.replicas`. */
export function pathText(path: readonly string[]): string {
  const quoted = (key: string) => (/^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`);
  return path.map((key, index) => (index === 0 || key.startsWith("[") ? key : quoted(key))).join("");
}

/** The properties of a value, by key; undefined for a value that is compared as a whole. */
function children(value: unknown): Properties | undefined {
  const opened = typeof value === "string" ? documentOf(value) : value;
  if (isRecord(opened)) return Object.keys(opened).length > 0 ? opened : undefined;
  if (!Array.isArray(opened) || !opened.some(isRecord)) return undefined;
  const names = opened.map((item) => (isRecord(item) && typeof item.name === "string" ? item.name : undefined));
  const named = names.every((name) => name !== undefined) && new Set(names).size === names.length;
  return Object.fromEntries(opened.map((item, index) => [`[${named ? names[index] : index}]`, item]));
}

/** The mapping or list that a text contains, as JSON or as YAML of more than one line. */
function documentOf(text: string): unknown {
  try {
    if (/^[[{]/.test(text)) return JSON.parse(text);
    return isText(text) ? yaml.load(text) : undefined;
  } catch {
    return undefined;
  }
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
const isText = (value: unknown): value is string => typeof value === "string" && value.trim().includes("\n");
const lineCount = (lines: string[]): string => counted(lines.length, "line");

/** How many lines of a text changed. A person reads the change of a script in its file. */
function compareTexts(before: string, after: string): Sides {
  const [olds, news] = [before, after].map((text) => text.trimEnd().split("\n"));
  const without = (lines: string[], others: string[]) => lines.filter((line) => !others.includes(line)).length;
  return { before: lineCount(olds), after: `${lineCount(news)} (+${without(news, olds)} −${without(olds, news)})` };
}

/** One side of a difference, in a line, without secrets; undefined for a missing property. */
export function displayText(value: unknown, name = ""): string | undefined {
  if (value === undefined) return undefined;
  if (isText(value)) return lineCount(value.trimEnd().split("\n"));
  const text = plainText(redactValue(value, name)) || '""';
  // Twelve digits tell digests apart.
  const brief = text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
  return brief.length > longest ? `${brief.slice(0, longest)}…` : brief;
}

function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  const isList = Array.isArray(value) && value.length > 0 && !value.some((item) => typeof item === "object");
  return isList ? value.join(", ") : JSON.stringify(value);
}
