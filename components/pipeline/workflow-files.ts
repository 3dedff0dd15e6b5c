import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../platform/release-manifests";
import { readYaml } from "../shared/yaml-file";

type Fields = Record<string, unknown>;

/** What all workflow templates have in common; it is no manifest. */
const defaultsFile = "workflow-defaults.yaml";
const kinds = ["WorkflowTemplate", "CronWorkflow"];

/** The templates, with the defaults of the folder, and the schedules, in the order of their files' names. */
export function readWorkflows(folder: string): Manifest[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml") && file !== defaultsFile);
  const manifests = files.sort().map((file) => readYaml<Manifest>(join(folder, file)));
  const defaults = readYaml<{ spec: Fields }>(join(folder, defaultsFile));
  return manifests
    .filter(({ kind }) => kinds.includes(kind))
    .map((manifest) =>
      manifest.kind === "WorkflowTemplate"
        ? { ...manifest, spec: withDefaults(defaults.spec, manifest.spec) }
        : manifest,
    );
}

/**
 * A template's spec with the defaults: what the template states wins. Maps are merged key by key, and lists of named
 * things by name: the defaults' come first, then those that only the template has. Any other list is the template's.
 */
export function withDefaults<Spec extends Fields>(defaults: Fields, spec: Spec): Spec & Fields {
  const keys = new Set([...Object.keys(defaults), ...Object.keys(spec)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(defaults[key], spec[key])])) as Spec & Fields;
}

function merged(standard: unknown, own: unknown): unknown {
  if (own === undefined) return standard;
  if (isFields(standard) && isFields(own)) return withDefaults(standard, own);
  if (isNamedList(standard) && isNamedList(own)) return mergedByName(standard, own);
  return own;
}

function mergedByName(standard: Fields[], own: Fields[]): unknown[] {
  const names = new Set([...standard, ...own].map(({ name }) => name));
  const find = (list: Fields[], name: unknown) => list.find((item) => item.name === name);
  return [...names].map((name) => merged(find(standard, name), find(own, name)));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNamedList(value: unknown): value is Fields[] {
  return Array.isArray(value) && value.every((item) => isFields(item) && typeof item.name === "string");
}
