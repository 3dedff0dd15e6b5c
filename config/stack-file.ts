/** Stack files, `Pulumi.<stack>.yaml`: which one a command uses, and what it contains. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as yaml from "js-yaml";
import { z } from "zod";
import { localContext, repositoryRoot } from "../lib/paths";
import { isRecord } from "../lib/record";
import { ConfigurationError, settingIssues } from "./configuration-error";
import { cluster, project, pulumiProviders, type Sections, type StackFile, schema, stackFile } from "./schema";

/** The stack that a command is for: `GOURMETGRAM_STACK`, default `staging`. */
export const currentStack = (): string => process.env.GOURMETGRAM_STACK ?? "staging";

/**
 * The stack's file in the repository, and whether it names the local cluster.
 * @throws if there is no such file, or if it is not YAML
 */
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
 * @throws if it is not YAML, or if it does not have the form of a stack file
 */
export function parseStack(text: string, name: string): StackFile {
  const written = document(text, name);
  const parsed = stackFile.safeParse(written);
  const issues = [
    ...(parsed.error?.issues.flatMap((issue) => fileIssues(issue, name)) ?? []),
    ...(isRecord(written) && isRecord(written.config) ? prefixIssues(Object.keys(written.config)) : []),
  ];
  if (!parsed.success || issues.length > 0) throw new ConfigurationError(issues);
  const config = Object.entries(parsed.data.config ?? {}).map(([key, value]) => [withPrefix(key), value]);
  return { ...parsed.data, config: Object.fromEntries(config) };
}

/**
 * The salt of the secrets in the text of a stack file. Nothing else of it is checked: a file that an earlier program
 * generated may say what this one refuses.
 */
export function saltOf(text: string, name: string): string | undefined {
  const file = document(text, name);
  return isRecord(file) && typeof file.encryptionsalt === "string" ? file.encryptionsalt : undefined;
}

/** A stack file's settings by section, as `parseSettings` takes them. */
export function settingsOf(file: StackFile): Record<string, unknown> {
  return projectSettings(file.config ?? {});
}

/**
 * The cluster that a stack file names, for the commands that read the cluster and deploy nothing.
 * @throws ConfigurationError if it names none
 */
export function parseCluster(file: StackFile): Sections["cluster"] {
  const result = z.object({ cluster }).safeParse(settingsOf(file));
  if (result.success) return result.data.cluster;
  throw new ConfigurationError(result.error.issues.flatMap(settingIssues));
}

/**
 * The cluster with the platform of a stack: the stack's own one, unless `platform.cluster` names another.
 * @throws ConfigurationError if the file names none
 */
export function parsePlatformCluster(file: StackFile): Sections["cluster"] {
  const platform = z.object({ platform: z.object({ cluster }) }).safeParse(settingsOf(file));
  return platform.success ? platform.data.platform.cluster : parseCluster(file);
}

const withPrefix = (key: string): string => (key.includes(":") ? key : `${project}:${key}`);

/** Keys of `config` that Pulumi would take for others' than this project's, or for another key's second value. */
function prefixIssues(keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const full = withPrefix(key);
    if (full !== key)
      return keys.includes(full) ? [`${key}: move what it says to ${full}, since both are the same key`] : [];
    const [prefix, ...rest] = key.split(":");
    const setting = rest.at(-1)!;
    const isMisspelt = prefix !== project && !pulumiProviders.includes(prefix) && setting.split(".")[0] in schema.shape;
    return isMisspelt ? [`${key}: unknown prefix: write ${project}:${setting}, or remove it`] : [];
  });
}

function document(text: string, name: string): unknown {
  try {
    return yaml.load(text) ?? {};
  } catch (error) {
    throw new Error(`${name} is not valid YAML: fix the error below.\n${(error as Error).message}`);
  }
}

/** The settings of this project, by key without the prefix `gourmetgram:`. */
export function projectSettings(config: Record<string, unknown>): Record<string, unknown> {
  const prefix = `${project}:`;
  const settings = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(
    settings.map(([key, value]) => [key.slice(prefix.length), typeof value === "string" ? fromText(value) : value]),
  );
}

/** Pulumi passes a mapping to the program as JSON, and accepts JSON on the command line. */
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
