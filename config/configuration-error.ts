import type { z } from "zod";
import { project, schema } from "./schema";

/** Everything that is wrong with a stack's configuration, one line for each issue. */
export class ConfigurationError extends Error {
  readonly issues: string[];

  constructor(issues: string[]) {
    const lines = [...new Set(issues)].sort();
    const count = lines.length === 1 ? "a mistake" : `${lines.length} mistakes`;
    super([`The stack's configuration has ${count}:`, ...lines.map((line) => `  ${line}`)].join("\n"));
    this.name = "ConfigurationError";
    this.issues = lines;
  }
}

/** Whether a text, such as Pulumi's output, holds the message of such an error. */
export const namesMistakes = (text: string): boolean =>
  /The stack's configuration has (?:a mistake|\d+ mistakes):/.test(text);

/** The key of a setting as people write it: `gourmetgram:pipeline.epochs`. */
export function settingKey(path: PropertyKey[]): string {
  return `${project}:${path.map(String).join(".")}`;
}

/** Keys that had another name before, and their names now. */
const renamedKeys: Record<string, string> = { otherEnvironments: "remoteEnvironments" };

/** One line for each issue that the schema found. */
export function settingIssues({ path, message, ...issue }: z.core.$ZodIssue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${settingKey(path)}: ${message}`];
  return issue.keys.map((key) => `${settingKey([...path, key])}: ${unknownKeyRemedy(path, key) ?? message}`);
}

/** What to write instead of a key that the schema does not know. Undefined if the key gives no hint. */
function unknownKeyRemedy(path: PropertyKey[], key: string): string | undefined {
  if (path.length > 0) return undefined;
  if (renamedKeys[key]) return `rename it to ${renamedKeys[key]}, the new name of this section`;
  const [section, ...inner] = key.split(".");
  if (!(section in schema.shape) || inner.length === 0) return undefined;
  return `write ${inner.join(".")} under ${section}, as \`pulumi config set --path\` does`;
}
