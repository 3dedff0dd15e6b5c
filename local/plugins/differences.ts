/** Where two sets of properties differ. */
import { equal, isRecord } from "./values";

/** One property's path, as keys and indexes. */
type Path = (string | number)[];

/** A path as Pulumi writes it: `spec.ports[0].port`, `data["a.yaml"]`. */
export function pathText(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (/^[A-Za-z_$][\w$]*$/.test(key)) return index === 0 ? key : `.${key}`;
      return `["${key.replace(/(["\\])/g, "\\$1")}"]`;
    })
    .join("");
}

/** The smallest properties in which two values differ. */
export function differences(
  olds: unknown,
  news: unknown,
  path: Path = [],
): { path: Path; kind: "add" | "delete" | "update" }[] {
  if (equal(olds, news)) return [];
  if (isRecord(olds) && isRecord(news)) {
    const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])];
    return keys.flatMap((key) => differences(olds[key], news[key], [...path, key]));
  }
  if (Array.isArray(olds) && Array.isArray(news)) {
    const indexes = [...Array(Math.max(olds.length, news.length)).keys()];
    return indexes.flatMap((index) => differences(olds[index], news[index], [...path, index]));
  }
  return [{ path, kind: olds === undefined ? "add" : news === undefined ? "delete" : "update" }];
}
