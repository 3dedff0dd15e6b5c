/** Stack files, `Pulumi.<stack>.yaml`: which one is meant, and what it says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as yaml from "js-yaml";
import { z } from "zod";
import { localContext, repositoryRoot } from "../lib/paths";
import { ConfigurationError, settingIssues } from "./configuration-error";
import { cluster, project, type Sections, type StackFile, stackFile } from "./schema";

/** The stack that a command is for: `GOURMETGRAM_STACK`, default `staging`. */
export const currentStack = (): string => process.env.GOURMETGRAM_STACK ?? "staging";

/** The stack's file in the repository, and whether it names the local cluster. @throws where there is none, or it isn't YAML */
export function readStackFile(stack: string): { file: StackFile; isLocal: boolean } {
  const name = `Pulumi.${stack}.yaml`;
  const path = join(repositoryRoot, name);
  if (!existsSync(path))
    throw new Error(`There is no stack file ${name}: name another stack in GOURMETGRAM_STACK, or write that file.`);
  const file = parseStack(readFileSync(path, "utf8"), name);
  return { file, isLocal: parseCluster(file).context === localContext };
}

/**
 * Reads the text of a stack file as Pulumi does: a key of `config` that names no project is this project's.
 * @param name name of the file, for messages
 * @throws when it isn't YAML, or not of a stack file's form
 */
export function parseStack(text: string, name: string): StackFile {
  const parsed = stackFile.safeParse(document(text, name));
  if (!parsed.success) throw new ConfigurationError(parsed.error.issues.flatMap((issue) => fileIssues(issue, name)));
  const config = Object.entries(parsed.data.config ?? {}).map(([key, value]) => [
    key.includes(":") ? key : `${project}:${key}`,
    value,
  ]);
  return { ...parsed.data, config: Object.fromEntries(config) };
}

/** A stack file's settings by section, as `parseSettings` takes them. */
export function settingsOf(file: StackFile): Record<string, unknown> {
  return projectSettings(file.config ?? {});
}

/**
 * Which cluster a stack file names, for the commands that look at the cluster and deploy nothing.
 * @throws ConfigurationError when it names none
 */
export function parseCluster(file: StackFile): Sections["cluster"] {
  const result = z.object({ cluster }).safeParse(settingsOf(file));
  if (result.success) return result.data.cluster;
  throw new ConfigurationError(result.error.issues.flatMap(settingIssues));
}

function document(text: string, name: string): unknown {
  try {
    return yaml.load(text) ?? {};
  } catch (error) {
    throw new Error(`${name} is not valid YAML: mend it where it says so.\n${(error as Error).message}`);
  }
}

/** This project's keys without its name. */
export function projectSettings(config: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(config).filter(([key]) => key.startsWith(`${project}:`));
  return Object.fromEntries(
    own.map(([key, value]) => [key.slice(project.length + 1), typeof value === "string" ? fromText(value) : value]),
  );
}

/** Pulumi hands over a mapping as JSON, and takes one in that form from the command line. */
function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function fileIssues({ path, message, ...issue }: z.core.$ZodIssue, name: string): string[] {
  if (issue.code !== "unrecognized_keys") return [`${path.map(String).join(".") || name}: ${message}`];
  return issue.keys.map((key) => `${key}: ${key.startsWith(`${project}:`) ? "move it under config" : message}`);
}
