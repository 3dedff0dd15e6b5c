/**
 * The stack's settings: the only place that reads configuration. Everything is checked before anything is
 * declared, and every mistake is listed at once, with its path and what to write instead.
 */
// Not the whole package: commands that deploy nothing read settings too, and it takes half a second to load.
import { allConfig } from "@pulumi/pulumi/runtime/config";
import * as yaml from "js-yaml";
import { z } from "zod";
import { ImageKey, imageKeys, ImageOverride, Images, ownImageKeys, resolveImages, unpinnedImages } from "./images/catalogue";
import { cluster, schema, Sections, shape } from "./settings";

const project = "gourmetgram";

/** One stack's settings, checked, with every default filled in; environments in the order of promotion. */
export type Settings = Omit<Sections, "images"> & { images: { build: boolean; catalogue: Images } };
export type EnvironmentSettings = Settings["environments"][string];
export type ExposureSettings = Settings["exposure"];
export type PipelineSettings = Settings["pipeline"];

/** Everything that is wrong with a stack's configuration, one line each. */
export class ConfigurationError extends Error {
  constructor(readonly mistakes: string[]) {
    super([`The stack's configuration has ${mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`}:`, ...mistakes.map((line) => `  ${line}`)].join("\n"));
    this.name = "ConfigurationError";
  }
}

/**
 * Checks a stack's configuration.
 * @param config the `gourmetgram:*` values by key, without the prefix, as parsed YAML
 * @throws ConfigurationError with every mistake
 */
export function parseSettings(config: Record<string, unknown>): Settings {
  const parsed = schema.safeParse(config, { error: describe });
  // A section with a mistake of its own is left out of the comparison; the others are still compared.
  const sections = Object.entries(shape).map(([name, section]) => [name, section.safeParse(config[name]).data]);
  const mistakes = [...(parsed.error?.issues.flatMap(lines) ?? []), ...contradictions(Object.fromEntries(sections) as Partial<Sections>)];
  if (!parsed.success || mistakes.length > 0) throw new ConfigurationError(mistakes.sort());
  const { images: chosen, ...others } = parsed.data;
  const environments = Object.fromEntries(promotionOrder(others.environments).map((name) => [name, others.environments[name]]));
  return { ...others, environments, images: { build: chosen.build, catalogue: resolved(chosen) } };
}

/**
 * The environments from the one where candidates are tested to the last one that promotion leads to. Configuration
 * comes without an order of its own: Pulumi sorts the keys of a mapping.
 */
export function promotionOrder(environments: Sections["environments"]): string[] {
  const names = Object.keys(environments).sort();
  const order: string[] = [];
  for (let next = names.find((name) => !environments[name].promotesFrom); next && !order.includes(next); ) {
    const current: string = next;
    order.push(current);
    next = names.find((name) => environments[name].promotesFrom === current);
  }
  return order;
}

/** Where the workflows promote each environment from; `null`: nowhere, it is where candidates are tested. */
export const knownPromotions: Record<string, string | null> = { staging: null, canary: "staging", production: "canary" };

/** What keeps the environments from being one chain. */
function brokenChain(environments: Sections["environments"]): { path: string[]; message: string }[] {
  const names = Object.keys(environments).sort();
  const firsts = names.filter((name) => !environments[name].promotesFrom);
  if (firsts.length !== 1) {
    const all = firsts.length === 0 ? "every environment has" : `${firsts.join(", ")} have no`;
    return [{ path: ["environments"], message: `${all} promotesFrom: leave it out of the one environment where candidates are tested, and write it in the others` }];
  }
  const order = promotionOrder(environments);
  return names
    .filter((name) => !order.includes(name))
    .map((name) => {
      const source = environments[name].promotesFrom!;
      const sibling = order.find((other) => environments[other].promotesFrom === source);
      const message = !names.includes(source)
        ? `unknown environment: write one of ${names.filter((other) => other !== name).join(", ")}`
        : sibling
          ? `${source} promotes to ${sibling} already: write another one`
          : `no promotion leads from ${order[0]} to ${source}: write another one`;
      return { path: ["environments", name, "promotesFrom"], message };
    });
}

/** What is wrong between settings that are right by themselves. */
function contradictions({ environments, exposure: exposed, pipeline: flow, registry: store, images: chosen }: Partial<Sections>): string[] {
  const found: string[] = [];
  const mistake = (path: PropertyKey[], message: string) => found.push(`${at(path)}: ${message}`);

  const ports = [...environmentPorts(environments ?? {}), ...(exposed ? uiPortsOf(exposed.ports) : [])];
  for (const [index, { path, port: taken, owner }] of ports.entries()) {
    const first = ports.slice(0, index).find((other) => other.port === taken);
    if (first) mistake(path, `port ${taken} is taken by ${first.owner}: give ${owner} another one`);
  }
  const broken = environments ? brokenChain(environments) : [];
  for (const { path, message } of broken) mistake(path, message);
  for (const [name, { promotesFrom }] of broken.length > 0 ? [] : Object.entries(environments ?? {}))
    if (knownPromotions[name] !== (promotesFrom ?? null))
      mistake(["environments", name], "the workflows know staging, canary from staging, and production from canary, and no other: write one of these");
  if (exposed) {
    const nodePorts = Object.entries(exposed.nodePorts);
    for (const [index, [name, taken]] of nodePorts.entries()) {
      const first = nodePorts.slice(0, index).find(([, other]) => other === taken);
      if (first) mistake(["exposure", "nodePorts", name], `node port ${taken} is taken by ${first[0]}: give ${name} another one`);
    }
    if (exposed.type === "externalIPs" && exposed.addresses.length === 0) mistake(["exposure", "addresses"], "externalIPs needs at least one node address");
    if (exposed.type !== "externalIPs" && !exposed.host) mistake(["exposure", "host"], "missing: write the host name or address that people open; MLflow answers to no other");
    if (exposed.type !== "externalIPs" && exposed.addresses.length > 0)
      mistake(["exposure", "addresses"], "addresses go with externalIPs only: leave them out, or write type: externalIPs");
    if (exposed.type !== "NodePort" && Object.keys(exposed.nodePorts).length > 0)
      mistake(["exposure", "nodePorts"], "nodePorts go with NodePort only: leave them out, or write type: NodePort");
    const owners = ports.map(({ owner }) => owner);
    if (environments)
      for (const name of Object.keys(exposed.nodePorts)) if (!owners.includes(name)) mistake(["exposure", "nodePorts", name], `unknown: write one of ${owners.join(", ")}`);
    if (exposed.type === "NodePort")
      for (const name of owners) if (!(name in exposed.nodePorts)) mistake(["exposure", "nodePorts", name], "missing: write a node port from 30000 to 32767");
  }
  if (flow && flow.load.concurrency > flow.load.requests)
    mistake(["pipeline", "load", "concurrency"], `more at once than the ${flow.load.requests} requests in all: write ${flow.load.requests} or less`);
  if (store?.configureNodes && !store.clusterIp) mistake(["registry", "clusterIp"], "missing: configureNodes needs a fixed one, since nodes don't resolve cluster names");
  if (chosen) {
    const catalogue = resolved(chosen);
    const unpinned = unpinnedImages(catalogue);
    for (const key of unpinned) mistake(["images", "overrides", key, "digest"], "missing: write the one that `npm run images -- pin` prints");
    for (const key of chosen.build ? [] : ownImageKeys.filter((own) => !catalogue[own].digest))
      mistake(["images", "overrides", key, "digest"], "missing: write the one that `npm run images -- push` printed, or images.build: true");
  }
  return found;
}

function resolved(chosen: Sections["images"]): Images {
  return resolveImages(chosen.overrides as Partial<Record<ImageKey, ImageOverride>>, chosen.mirror);
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  const config: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(allConfig())) {
    const [namespace, name] = key.split(":");
    if (namespace === project) config[name] = fromConfig(text);
  }
  return parseSettings(config);
}

/**
 * Which cluster a stack file names, for the commands that look at the cluster and deploy nothing.
 * @param file the text of a `Pulumi.<stack>.yaml`
 * @throws ConfigurationError when it names none
 */
export function parseCluster(file: string): Settings["cluster"] {
  const document = yaml.load(file) as { config?: Record<string, unknown> } | undefined;
  const result = z.strictObject({ cluster }).safeParse({ cluster: document?.config?.[`${project}:cluster`] }, { error: describe });
  if (result.success) return result.data.cluster;
  throw new ConfigurationError(result.error.issues.flatMap(lines).sort());
}

function fromConfig(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function describe(issue: z.core.$ZodRawIssue): string | undefined {
  const given = issue.input === undefined ? "nothing" : JSON.stringify(issue.input);
  if (issue.code === "invalid_type")
    return issue.input === undefined ? `missing: write ${article(issue.expected)}` : `write ${article(issue.expected)}, not ${given}`;
  if (issue.code === "invalid_value") return `write one of ${issue.values.join(", ")}, not ${given}`;
  return undefined;
}

function at(path: PropertyKey[]): string {
  return `${project}:${path.map(String).join(".")}`;
}

function lines(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `${at([...issue.path, key])}: unknown key: remove it, or mend its spelling`);
  if (issue.code === "invalid_key") {
    const allowed = issue.path[0] === "images" ? `unknown image: write one of ${imageKeys.join(", ")}` : issue.issues[0]?.message;
    return [`${at(issue.path)}: ${allowed}`];
  }
  return [`${at(issue.path)}: ${issue.message}`];
}

function article(kind: string): string {
  const names: Record<string, string> = { object: "a mapping", record: "a mapping", int: "a whole number", boolean: "true or false", array: "a list", string: "a text" };
  return names[kind] ?? `a ${kind}`;
}

interface ExposedPort {
  owner: string;
  port: number;
  path: string[];
}

function environmentPorts(environments: Sections["environments"]): ExposedPort[] {
  const names = new Set([...promotionOrder(environments), ...Object.keys(environments)]);
  return [...names].map((owner) => ({ owner, port: environments[owner].port, path: ["environments", owner, "port"] }));
}

function uiPortsOf(ports: Sections["exposure"]["ports"]): ExposedPort[] {
  return Object.entries(ports).map(([owner, number]) => ({ owner, port: number, path: ["exposure", "ports", owner] }));
}
