/** Where two sets of properties differ, as a person reads it. */
import * as yaml from "js-yaml";
import { namesSecret, redact, secret } from "./redact";

export type Properties = Record<string, unknown>;

/** One property that differs; a side is undefined where the property isn't there. */
export interface Difference {
  /** Keys from the outside in; an item of a list by its name, else by its index: `[app]`, `[0]`. */
  readonly path: readonly string[];
  readonly before?: string;
  readonly after?: string;
}

const longest = 200;

export const isRecord = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The smallest properties in which two values differ. A text that holds a YAML or JSON document is compared by what
 * the document says: an environment's Deployment is such a text.
 */
export function compare(before: unknown, after: unknown, path: readonly string[] = []): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [olds, news] = [children(before), children(after)];
  if ((olds || news) && (olds || isEmpty(before)) && (news || isEmpty(after))) {
    const keys = [...new Set([...Object.keys(olds ?? {}), ...Object.keys(news ?? {})])];
    return keys.flatMap((key) => compare(olds?.[key], news?.[key], [...path, key]));
  }
  if (hidesSecret(path) && [before, after].some((value) => typeof value === "string"))
    return [
      {
        path,
        before: before === undefined ? undefined : secret,
        after: after === undefined ? undefined : before === undefined ? secret : `${secret}, another one`,
      },
    ];
  if (isText(before) && isText(after)) return [{ path, ...comparedLines(before, after) }];
  return [{ path, before: shown(before), after: shown(after) }];
}

/** A path as a person reads it: `spec.template.spec.containers[app].image`, `data["deployment.yaml"].spec.replicas`. */
export function pathText(path: readonly string[]): string {
  const quoted = (key: string) => (/^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`);
  return path.map((key, index) => (index === 0 || key.startsWith("[") ? key : quoted(key))).join("");
}

/** What a value holds, by key; undefined for what is compared as a whole. */
function children(value: unknown): Properties | undefined {
  const opened = typeof value === "string" ? documentOf(value) : value;
  if (isRecord(opened)) return Object.keys(opened).length > 0 ? opened : undefined;
  if (!Array.isArray(opened) || !opened.some(isRecord)) return undefined;
  const names = opened.map((item) => (isRecord(item) && typeof item.name === "string" ? item.name : undefined));
  const named = names.every((name) => name !== undefined) && new Set(names).size === names.length;
  return Object.fromEntries(opened.map((item, index) => [`[${named ? names[index] : index}]`, item]));
}

/** The mapping or list that a text holds, as JSON or as YAML of more than a line. */
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
const lineCount = (lines: string[]): string => `${lines.length} lines`;

/** A changed script is read in its own file: here stands how much of it changed. */
function comparedLines(before: string, after: string): { before: string; after: string } {
  const [olds, news] = [before, after].map((text) => text.trimEnd().split("\n"));
  const without = (lines: string[], others: string[]) => lines.filter((line) => !others.includes(line)).length;
  return { before: lineCount(olds), after: `${lineCount(news)} (+${without(news, olds)} −${without(olds, news)})` };
}

/** One side of a difference, in a line; undefined for what isn't there. */
export function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (isText(value)) return lineCount(value.trimEnd().split("\n"));
  const isList = Array.isArray(value) && value.length > 0 && !value.some((item) => typeof item === "object");
  const text = redact(isList ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value)) || '""';
  // Twelve digits tell digests apart.
  const brief = text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
  return brief.length > longest ? `${brief.slice(0, longest)}…` : brief;
}

/** `env[DB_PASSWORD].value` as well as `data.password`. */
function hidesSecret(path: readonly string[]): boolean {
  const [last, owner] = [path.at(-1) ?? "", path.at(-2) ?? ""];
  return namesSecret(last) || (last === "value" && namesSecret(owner.replace(/]$/, "")));
}
