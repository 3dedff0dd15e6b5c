import type { z } from "zod";
import { project, schema } from "./schema";

/** Everything that is wrong with a stack's configuration, one line each. */
export class ConfigurationError extends Error {
  readonly mistakes: string[];

  constructor(mistakes: string[]) {
    const lines = [...new Set(mistakes)].sort();
    super(
      [
        `The stack's configuration has ${lines.length === 1 ? "a mistake" : `${lines.length} mistakes`}:`,
        ...lines.map((line) => `  ${line}`),
      ].join("\n"),
    );
    this.name = "ConfigurationError";
    this.mistakes = lines;
  }
}

/** A setting as people write it: `gourmetgram:pipeline.epochs`. */
export function at(path: PropertyKey[]): string {
  return `${project}:${path.map(String).join(".")}`;
}

/** One line for each mistake that the schema found. */
export function settingMistakes({ path, message, ...issue }: z.core.$ZodIssue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${at(path)}: ${message}`];
  return issue.keys.map((key) => {
    const [section, ...inner] = key.split(".");
    const isPath = path.length === 0 && section in schema.shape && inner.length > 0;
    return `${at([...path, key])}: ${isPath ? `write ${inner.join(".")} under ${section}, as \`pulumi config set --path\` does` : message}`;
  });
}
