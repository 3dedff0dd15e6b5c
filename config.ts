/**
 * The stack's settings: the only place that reads configuration. Everything is checked before anything is
 * declared, and every mistake is listed at once, with its path and what to write instead.
 */
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";
import { z } from "zod";
import { ImageKey, imageKeys, ImageOverride, Images, ownImageKeys, resolveImages, unpinnedImages } from "./images/catalogue";

const project = "gourmetgram";

const quantity = z
  .string()
  .regex(/^[1-9][0-9]*(Mi|Gi)$/, 'write a whole number with its unit, Mi or Gi, as in "256Mi"');
const port = z.int().min(1, "write a port from 1 to 65535").max(65535, "write a port from 1 to 65535");
const nodePort = z.int().min(30000, "write a node port from 30000 to 32767").max(32767, "write a node port from 30000 to 32767");
const address = z.ipv4('write an IPv4 address, as in "192.0.2.10"');
const dnsLabel = z.string().regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, "write lower-case letters, digits and dashes, 30 at most");
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'write "sha256:" and 64 hex digits');

const cluster = z.strictObject({
  /** Context of the kubeconfig. A stack never follows the current one. */
  context: z.string().min(1, "name a context of the kubeconfig, as `kubectl config get-contexts` lists them"),
  /** Path of the kubeconfig. Default: `KUBECONFIG`, then `~/.kube/config`. */
  kubeconfig: z.string().min(1, "write a path").optional(),
});

const images = z.strictObject({
  /** Whether `pulumi up` builds and pushes app, train and tools by itself. Default false. */
  build: z.boolean().default(false),
  /** Host (and path) that holds a copy of every upstream image, for clusters without the internet. */
  mirror: z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]+)?$/, 'write a registry host, as in "mirror.example.org:5000"').optional(),
  /** Replacements of single catalogue entries. */
  overrides: z
    .partialRecord(
      z.enum(imageKeys as [ImageKey, ...ImageKey[]]),
      z.strictObject({ repository: z.string().min(1).optional(), tag: z.string().min(1).optional(), digest: digest.optional() }),
    )
    .default({}),
});

const registry = z.strictObject({
  /** Size of the volume. Default 20Gi. */
  storage: quantity.default("20Gi"),
  /** Fixed ClusterIP, so that nodes can be told of it before the Service exists. */
  clusterIp: address.optional(),
  /** Whether a DaemonSet teaches every node's containerd the registry's address. Default false. */
  configureNodes: z.boolean().default(false),
});

const modelRegistry = z.strictObject({
  /** Size of the volume with the database and the artifacts. Default 20Gi. */
  storage: quantity.default("20Gi"),
});

const manifests = z.string().min(1, "write the URL or the path of the release manifest");
const argoWorkflows = z.strictObject({
  /** False where the cluster has Argo Workflows, watching the namespace `argo`. Default true. */
  install: z.boolean().default(true),
  /** URL, or path, of the release's namespace-install manifest. */
  manifests: manifests.default("https://github.com/argoproj/argo-workflows/releases/download/v3.7.18/namespace-install.yaml"),
  /** How the UI knows its user: `client` asks for a Kubernetes token, `server` lets anyone in who reaches it. Default client. */
  authMode: z.enum(["client", "server"]).default("client"),
});
const argoCd = z.strictObject({
  /** False where the cluster has Argo CD 3.1 or later in the namespace `argocd`. Default true. */
  install: z.boolean().default(true),
  /** URL, or path, of the release's namespace-install manifest. */
  manifests: manifests.default("https://raw.githubusercontent.com/argoproj/argo-cd/v3.2.6/manifests/namespace-install.yaml"),
  /** URLs, or paths, of the release's CRDs, which the namespace-install leaves out. */
  crds: z.array(manifests).default([
    "https://raw.githubusercontent.com/argoproj/argo-cd/v3.2.6/manifests/crds/application-crd.yaml",
    "https://raw.githubusercontent.com/argoproj/argo-cd/v3.2.6/manifests/crds/applicationset-crd.yaml",
    "https://raw.githubusercontent.com/argoproj/argo-cd/v3.2.6/manifests/crds/appproject-crd.yaml",
  ]),
});

const uiPorts = z.strictObject({
  mlflow: port.default(8000),
  argoWorkflows: port.default(2746),
  argoCd: port.default(8082),
});
const exposure = z
  .strictObject({
    type: z.enum(["LoadBalancer", "NodePort", "externalIPs"]),
    /** Addresses of the nodes that take the traffic, for `externalIPs` only. */
    addresses: z.array(address).default([]),
    /** Host that the URLs name. Default: the first address. */
    host: z.string().min(1).optional(),
    /** Ports of the three UIs. Defaults: MLflow 8000, Argo Workflows 2746, Argo CD 8082. */
    ports: uiPorts.prefault({}),
    /** Node port of each environment and UI, for `NodePort` only. */
    nodePorts: z.record(z.string(), nodePort).default({}),
  });

const environment = z.strictObject({
  /** Port of the Service, as people open it. */
  port,
  /** Memory limit of the app container. Default 256Mi. */
  memory: quantity.default("256Mi"),
  /** Pods that serve. 1 to 20, default 1. */
  replicas: z.int().min(1, "write 1 to 20").max(20, "write 1 to 20").default(1),
});

const pipeline = z.strictObject({
  /** Share of held-out pictures, 0 to 1, that a model must name rightly to be registered. Default 0.8. */
  accuracyBar: z.number().min(0, "write a share from 0 to 1").max(1, "write a share from 0 to 1").default(0.8),
  /** Passes over the training data, 1 to 100. Default 3. */
  epochs: z.int().min(1, "write 1 to 100").max(100, "write 1 to 100").default(3),
  /** Seconds, 10 to 1800, that a release may take to serve before it counts as failed. Default 120. */
  rolloutTimeoutSeconds: z.int().min(10, "write 10 to 1800").max(1800, "write 10 to 1800").default(120),
  load: z
    .strictObject({
      /** Requests sent, 20 to 100000 (under twenty there is no 95th percentile). Default 100. */
      requests: z.int().min(20, "write 20 to 100000").max(100000, "write 20 to 100000").default(100),
      /** Requests at once, 1 to 1000. Default 10. */
      concurrency: z.int().min(1, "write 1 to 1000").max(1000, "write 1 to 1000").default(10),
      /** The success rate must be above this, in per cent. Default 95. */
      minSuccessPercent: z.number().min(0, "write 0 to 100").max(100, "write 0 to 100").default(95),
      /** The 95th percentile of the latency must be under this, in milliseconds. Default 2000. */
      maxP95Ms: z.int().min(1, "write 1 or more").default(2000),
    })
    .prefault({}),
  cron: z
    .strictObject({
      /** When to train, in cron's five fields. Default every night at 02:00. */
      schedule: z.string().regex(/^(\S+ ){4}\S+$/, 'write the five fields of cron, as in "0 2 * * *"').default("0 2 * * *"),
      /** IANA time zone of the schedule. Default UTC. */
      timezone: z.string().refine(isTimeZone, 'write an IANA time zone, as in "Europe/Berlin"').default("UTC"),
      /** Whether the schedule rests. Default true. */
      suspended: z.boolean().default(true),
    })
    .prefault({}),
});

const shape = {
  cluster,
  images: images.prefault({}),
  registry: registry.prefault({}),
  modelRegistry: modelRegistry.prefault({}),
  argoWorkflows: argoWorkflows.prefault({}),
  argoCd: argoCd.prefault({}),
  exposure,
  /** Environments in the order of promotion. */
  environments: z.record(dnsLabel, environment).refine((all) => Object.keys(all).length > 0, "name at least one environment"),
  pipeline: pipeline.prefault({}),
};
const schema = z.strictObject(shape);
type Sections = z.output<typeof schema>;

/** One stack's settings, checked, with every default filled in. */
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
  return { ...others, images: { build: chosen.build, catalogue: resolved(chosen) } };
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
  if (exposed) {
    if (exposed.type === "externalIPs" && exposed.addresses.length === 0) mistake(["exposure", "addresses"], "externalIPs needs at least one node address");
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
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
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

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

interface ExposedPort {
  owner: string;
  port: number;
  path: string[];
}

function environmentPorts(environments: Record<string, { port: number }>): ExposedPort[] {
  return Object.entries(environments).map(([owner, settings]) => ({ owner, port: settings.port, path: ["environments", owner, "port"] }));
}

function uiPortsOf(ports: z.output<typeof uiPorts>): ExposedPort[] {
  return Object.entries(ports).map(([owner, number]) => ({ owner, port: number, path: ["exposure", "ports", owner] }));
}
