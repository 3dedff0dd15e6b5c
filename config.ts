/**
 * The stack's settings: the only place that reads configuration. Everything is checked before anything is
 * declared, and every mistake is listed at once, with its path and what to write instead.
 */
// Not the whole package: commands that deploy nothing read settings too, and it takes half a second to load.
import { allConfig } from "@pulumi/pulumi/runtime/config";
import * as yaml from "js-yaml";
import { z } from "zod";
import { contradictions } from "./contradictions";
import { ImageKey, ImageOverride, Images, resolveImages } from "./images/catalogue";
import { Chain, inPromotionOrder, Place } from "./promotion-order";
import { cluster, project, schema, Sections, StackFile, stackFile } from "./settings";

export type { StackFile } from "./settings";

/** One stack's settings, checked, with every default filled in; environments in the order of promotion. */
export type Settings = Omit<Sections, "images" | "otherEnvironments"> & {
  images: { build: boolean; catalogue: Images };
  /** Where all environments are, this stack's and those of others; of a stack with `platform`, nothing: that one says it. */
  chain: Chain;
};
export type EnvironmentSettings = Settings["environments"][string];
export type ExposureSettings = Settings["exposure"];
export type PipelineSettings = Settings["pipeline"];

/** Everything that is wrong with a stack's configuration, one line each. */
export class ConfigurationError extends Error {
  readonly mistakes: string[];

  constructor(mistakes: string[]) {
    const lines = [...new Set(mistakes)].sort();
    super([`The stack's configuration has ${lines.length === 1 ? "a mistake" : `${lines.length} mistakes`}:`, ...lines.map((line) => `  ${line}`)].join("\n"));
    this.name = "ConfigurationError";
    this.mistakes = lines;
  }
}

/**
 * Checks a stack's configuration.
 * @param config the `gourmetgram:*` values by key, without the prefix, as parsed YAML
 * @throws ConfigurationError with every mistake
 */
export function parseSettings(config: Record<string, unknown>): Settings {
  const parsed = schema.safeParse(config);
  // A section with a mistake of its own is left out of the comparison; the others are still compared.
  const sections = Object.entries(schema.shape).map(([name, section]) => [name, z.safeParse(section, config[name]).data]);
  const found = contradictions(Object.fromEntries(sections), Object.keys(config));
  const mistakes = [...(parsed.error?.issues.flatMap(settingMistakes) ?? []), ...found.map(({ path, message }) => `${at(path)}: ${message}`)];
  if (!parsed.success || mistakes.length > 0) throw new ConfigurationError(mistakes);
  const { images: chosen, otherEnvironments, ...others } = parsed.data;
  const catalogue = resolveImages(chosen.overrides as Partial<Record<ImageKey, ImageOverride>>, chosen.mirror);
  const own = Object.entries(others.environments).map(([name, { port, promotesFrom }]): [string, Place] => [name, { port: port!, promotesFrom }]);
  const chain = others.platform ? {} : inPromotionOrder({ ...Object.fromEntries(own), ...otherEnvironments });
  // Configuration comes without an order of its own: Pulumi sorts the keys of a mapping.
  return { ...others, environments: inPromotionOrder(others.environments), chain, images: { build: chosen.build, catalogue } };
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  return parseSettings(ownSettings(allConfig()));
}

/**
 * Reads the text of a stack file as Pulumi does: a key of `config` that names no project is this project's.
 * @param name name of the file, for messages
 * @throws when it isn't YAML, or not of a stack file's form
 */
export function parseStack(text: string, name: string): StackFile {
  const parsed = stackFile.safeParse(document(text, name));
  if (!parsed.success) throw new ConfigurationError(parsed.error.issues.flatMap((issue) => fileMistakes(issue, name)));
  const config = Object.entries(parsed.data.config ?? {}).map(([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value]);
  return { ...parsed.data, config: Object.fromEntries(config) };
}

/** A stack file's settings by section, as `parseSettings` takes them. */
export function settingsOf(file: StackFile): Record<string, unknown> {
  return ownSettings(file.config ?? {});
}

/**
 * Which cluster a stack file names, for the commands that look at the cluster and deploy nothing.
 * @throws ConfigurationError when it names none
 */
export function parseCluster(file: StackFile): Settings["cluster"] {
  const result = z.object({ cluster }).safeParse(settingsOf(file));
  if (result.success) return result.data.cluster;
  throw new ConfigurationError(result.error.issues.flatMap(settingMistakes));
}

function document(text: string, name: string): unknown {
  try {
    return yaml.load(text) ?? {};
  } catch (error) {
    throw new Error(`${name} is not valid YAML: mend it where it says so.\n${(error as Error).message}`);
  }
}

/** This project's keys without its name. */
function ownSettings(config: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(config).filter(([key]) => key.startsWith(`${project}:`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(project.length + 1), typeof value === "string" ? fromText(value) : value]));
}

/** Pulumi hands over a mapping as JSON, and takes one in that form from the command line. */
function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function at(path: PropertyKey[]): string {
  return `${project}:${path.map(String).join(".")}`;
}

function settingMistakes({ path, message, ...issue }: z.core.$ZodIssue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${at(path)}: ${message}`];
  return issue.keys.map((key) => {
    const [section, ...inner] = key.split(".");
    const isPath = path.length === 0 && section in schema.shape && inner.length > 0;
    return `${at([...path, key])}: ${isPath ? `write ${inner.join(".")} under ${section}, as \`pulumi config set --path\` does` : message}`;
  });
}

function fileMistakes({ path, message, ...issue }: z.core.$ZodIssue, name: string): string[] {
  if (issue.code !== "unrecognized_keys") return [`${path.map(String).join(".") || name}: ${message}`];
  return issue.keys.map((key) => `${key}: ${key.startsWith(`${project}:`) ? "move it under config" : message}`);
}
