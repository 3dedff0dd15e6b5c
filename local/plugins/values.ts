/** Property values as they come from the engine and from the Kubernetes API. */

/** An object of JSON values. */
export type Properties = Record<string, unknown>;

/** True for an object that is neither null nor an array. */
export const isRecord = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The record at `key`, or an empty one. */
export const record = (parent: unknown, key: string): Properties => {
  const child = isRecord(parent) ? parent[key] : undefined;
  return isRecord(child) ? child : {};
};

/** The array of records at `key`, or an empty one. */
export const records = (parent: unknown, key: string): Properties[] => {
  const child = isRecord(parent) ? parent[key] : undefined;
  return Array.isArray(child) ? child.filter(isRecord) : [];
};

/** The string at `key`, or undefined. */
export const text = (parent: unknown, key: string): string | undefined => {
  const child = isRecord(parent) ? parent[key] : undefined;
  return typeof child === "string" ? child : undefined;
};

/** The number at `key`, or `otherwise`. */
export const count = (parent: unknown, key: string, otherwise = 0): number => {
  const child = isRecord(parent) ? parent[key] : undefined;
  return typeof child === "number" ? child : otherwise;
};

/** Stands in a preview for a value that is known only after the update. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What the engine sends for such values, by the type that it guesses. */
const unknowns = new Set([
  unknown,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** True where the value is known only after the update. */
export const isUnknown = (value: unknown): boolean => typeof value === "string" && unknowns.has(value);

/** True where the value or anything inside it is known only after the update. */
export function hasUnknowns(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknowns);
  return isRecord(value) ? Object.values(value).some(hasUnknowns) : isUnknown(value);
}

/** Deep equality of JSON values; an absent key equals an undefined one. */
export function equal(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((value, index) => equal(value, right[index]));
  if (isRecord(left) && isRecord(right))
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => equal(left[key], right[key]));
  return left === right;
}
