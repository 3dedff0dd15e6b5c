import type { z } from "zod";
import { project, schema } from "./schema";

/** Everything that is wrong with a stack's configuration, one line each. */
export class ConfigurationError extends Error {
  readonly issues: string[];

  constructor(mistakes: string[]) {
    const lines = [...new Set(mistakes)].sort();
    super(
      [
        `The stack's configuration has ${lines.length === 1 ? "a mistake" : `${lines.length} mistakes`}:`,
        ...lines.map((line) => `  ${line}`),
      ].join("\n"),
    );
    this.name = "ConfigurationError";
    this.issues = lines;
  }
}

/** A setting as people write it: `gourmetgram:pipeline.epochs`. */
export function at(path: PropertyKey[]): string {
  return `${project}:${path.map(String).join(".")}`;
}

/** Keys that had another name before, and their names now. */
const renamedKeys: Record<string, string> = { otherEnvironments: "remoteEnvironments" };

/** One line for each mistake that the schema found. */
export function settingIssues({ path, message, ...issue }: z.core.$ZodIssue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${at(path)}: ${message}`];
  return issue.keys.map((key) => `${at([...path, key])}: ${unknownKeyRemedy(path, key) ?? message}`);
}

/** What to write in place of a key that the schema does not know, or undefined where nobody can tell. */
function unknownKeyRemedy(path: PropertyKey[], key: string): string | undefined {
  if (path.length > 0) return undefined;
  if (renamedKeys[key]) return `write ${renamedKeys[key]}: the section has a new name`;
  const [section, ...inner] = key.split(".");
  if (!(section in schema.shape) || inner.length === 0) return undefined;
  return `write ${inner.join(".")} under ${section}, as \`pulumi config set --path\` does`;
}
