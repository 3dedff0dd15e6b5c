/** Properties by their name, as JSON and YAML have them. */
export type Properties = Record<string, unknown>;

/** Whether the value is a mapping: neither null nor a list. */
export const isRecord = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);
