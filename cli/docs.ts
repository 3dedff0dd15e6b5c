/** `npm run docs` writes what the settings generate: the table in docs/configuration.md and the editors' schema. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { project, pulumiProviders, schema, stackFile } from "../config/schema";
import { runMain } from "../lib/main";

const root = join(__dirname, "..");

/** A schema as data. */
interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  /** Describes the default if there is none, or one that is too long for a table. */
  fallback?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  [keyword: string]: unknown;
}

/** The default of a mapping is left out, since an editor would insert it as `{}`. */
const asData = (type: z.ZodType) =>
  z.toJSONSchema(type, {
    io: "input",
    target: "draft-07",
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === "object") delete jsonSchema.default;
    },
  }) as Schema;

/** One row for each setting: its key, its meaning with unit and range, its default. */
export function settingsTable(): string {
  const rows = settingRows(asData(schema), []);
  return [["key under `gourmetgram:`", "meaning", "default"], ["---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function settingRows(node: Schema, path: string[], isRequired = false): string[][] {
  if (node.properties)
    return Object.entries(node.properties).flatMap(([key, value]) =>
      settingRows(value, [...path, key], node.required?.includes(key)),
    );
  if (typeof node.additionalProperties === "object") return settingRows(node.additionalProperties, [...path, "<name>"]);
  return [
    [
      `\`${path.join(".")}\``,
      node.description!,
      isRequired ? "required" : (node.fallback ?? defaultText(node.default)),
    ],
  ];
}

function defaultText(value: unknown): string {
  return Array.isArray(value) && value.length === 0 ? "none" : `\`${value}\``;
}

/** The JSON Schema of a stack file, for editors. It lacks the checks across fields, which only the program makes. */
export function stackSchema(): Schema {
  const { properties, required, description } = asData(schema);
  const prefixed = (key: string) => `${project}:${key}`;
  const settings = Object.fromEntries(Object.entries(properties!).map(([key, value]) => [prefixed(key), value]));
  const file = asData(stackFile);
  const config = {
    description,
    type: "object",
    properties: settings,
    required: required!.map(prefixed),
    patternProperties: { [othersKey(Object.keys(properties!))]: {} },
    additionalProperties: false,
  };
  return JSON.parse(
    JSON.stringify({ ...file, properties: { ...file.properties, config }, required: ["config"] }),
    (_key, node) => forEditors(node),
  );
}

/** A key that is not this project's, nor one of its sections behind a misspelt prefix. */
function othersKey(sections: string[]): string {
  const isProvider = `(?:${pulumiProviders.join("|")}):`;
  return `^(?!${project}:)(?:${isProvider}|(?!.*:(?:${sections.join("|")})(?:\\.|$)).+:)`;
}

/** Editors know only `default`, so a described default is added to the description. */
function forEditors(node: Schema): Schema {
  if (typeof node?.fallback !== "string") return node;
  const { fallback, ...rest } = node;
  return { ...rest, description: `${rest.description} (default: ${fallback})` };
}

const configurationPage = "docs/configuration.md";
const tableInPage = /(?<=<!-- settings: written by `npm run docs` -->\n)[\s\S]*(?=<!-- end of settings -->)/;

/** The text of each generated file, by its path below the root. */
export function documents(): Record<string, string> {
  const page = readFileSync(join(root, configurationPage), "utf8");
  if (!tableInPage.test(page))
    throw new Error(`${configurationPage} lacks the two comments around the table of settings: write them again`);
  return {
    [configurationPage]: page.replace(tableInPage, () => `\n${settingsTable()}\n\n`),
    "docs/stack.schema.json": `${JSON.stringify(stackSchema(), null, 2)}\n`,
  };
}

const usage = `Usage: npm run docs

Writes what the settings generate: the table in ${configurationPage} and the editors' schema.`;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h", default: false } } });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  for (const [path, text] of Object.entries(documents())) writeFileSync(join(root, path), text);
  return 0;
}

if (require.main === module) runMain(main);
