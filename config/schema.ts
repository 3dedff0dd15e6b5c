/**
 * What a stack's configuration may hold: every setting with its meaning, unit, range and default. The table
 * in docs/configuration.md and the schema for editors are written from here: `npm run docs`.
 */
import { z } from "zod";
import { catalogue, imageKeys } from "../images/catalogue";
import {
  address,
  byEnvironment,
  byName,
  choice,
  clusterName,
  decimal,
  environmentName,
  flag,
  host,
  list,
  openMapping,
  optional,
  quantity,
  registryPrefix,
  repository,
  schedule,
  section,
  serverUrl,
  serviceUrl,
  source,
  stackName,
  text,
  timeZone,
  whole,
} from "./fields";

/** Name of the project in Pulumi.yaml, which begins the key of every section. */
export const project = "gourmetgram";

const pinnedRelease = "the pinned release";
const argoWorkflowsRelease = `https://github.com/argoproj/argo-workflows/releases/download/${catalogue.argoWorkflowController.tag}`;
const argoCdRelease = `https://raw.githubusercontent.com/argoproj/argo-cd/${catalogue.argoCd.tag}/manifests`;
const port = (meaning: string) => whole(meaning, 1, 65535);
const volume = (meaning: string) => quantity(meaning, "1Gi", "10000Gi").default("20Gi");

export const cluster = section("The cluster that the stack is deployed to.", {
  context: text(
    "context of the kubeconfig; a stack never follows the current one",
    "a context of the kubeconfig, as `kubectl config get-contexts` lists them",
    /\S/,
  ),
  // One line that begins like no JSON: whoever pastes the file's contents would publish their credentials.
  kubeconfig: optional(
    text("path of the kubeconfig", "the path of the kubeconfig, without ~", /^(?![~{]).+$/),
    "`KUBECONFIG`, then `~/.kube/config`",
  ),
});

const platform = section("The platform of another stack, where this one holds environments and nothing else.", {
  stack: stackName(
    "stack that holds the platform: Argo, MLflow, the registry and the workflows; it says in `remoteEnvironments` where this one's environments are",
  ),
  cluster: cluster.optional().meta({ description: "The platform's cluster, where this stack's is another one." }),
  apiServer: optional(
    serverUrl("where Argo CD reaches this stack's cluster, where that is not the platform's"),
    "none",
  ),
});

const images = section("The container images.", {
  build: flag("whether `pulumi up` builds and pushes app, train and tools").default(false),
  mirror: optional(
    registryPrefix(
      "registry host (and path) that holds a copy of every upstream image, for clusters without the internet",
    ),
    "none",
  ),
  overrides: byName(
    "Replacements of single catalogue entries.",
    imageKeys,
    section("One catalogue entry; what is left out stays as it is there.", {
      repository: optional(repository("registry host and repository of one image of the catalogue"), "the catalogue's"),
      tag: optional(
        text("tag of that image, for people", 'a tag in quotes, as in "v3.2.6"', /^\w[\w.-]{0,127}$/),
        "the catalogue's",
      ),
      digest: optional(
        text("digest of that image", '"sha256:" and 64 hex digits in lower case', /^sha256:[0-9a-f]{64}$/),
        "the catalogue's",
      ),
    }),
  ).default({}),
});

const registry = section("The registry inside the cluster.", {
  storage: volume("size of its volume"),
  clusterIp: optional(
    address("fixed address of the registry's Service, so that nodes can be told of it"),
    "chosen by the cluster",
  ),
  configureNodes: flag("whether a DaemonSet teaches every node's containerd the registry's address").default(false),
});

const modelRegistry = section("MLflow.", {
  storage: volume("size of MLflow's volume, with the database and the artifacts"),
});

const argoWorkflows = section("Argo Workflows.", {
  install: flag("`false` where the cluster has it, watching the namespace `argo`").default(true),
  manifests: source("URL or path of the release's namespace-install manifest")
    .default(`${argoWorkflowsRelease}/namespace-install.yaml`)
    .meta({ fallback: pinnedRelease }),
  authMode: choice("`client` asks for a Kubernetes token, `server` lets in whoever reaches the page", [
    "client",
    "server",
  ]).default("client"),
});
const argoCd = section("Argo CD.", {
  install: flag("`false` where the cluster has it, 3.1 or newer, in the namespace `argocd`").default(true),
  manifests: source("URL or path of the release's namespace-install manifest")
    .default(`${argoCdRelease}/namespace-install.yaml`)
    .meta({ fallback: pinnedRelease }),
  crds: list("URLs or paths of the release's CRDs, which that manifest leaves out", source("URL or path of a CRD"))
    .default(["application", "applicationset", "appproject"].map((kind) => `${argoCdRelease}/crds/${kind}-crd.yaml`))
    .meta({ fallback: pinnedRelease }),
});

const uiPorts = section("Ports of the three pages.", {
  mlflow: port("port of MLflow").default(8000),
  argoWorkflows: port("port of Argo Workflows").default(2746),
  argoCd: port("port of Argo CD").default(8082),
});
const exposure = section("How people reach the environments and the pages.", {
  type: choice("kind of the Services: `LoadBalancer`, `NodePort` or `externalIPs`", [
    "LoadBalancer",
    "NodePort",
    "externalIPs",
  ]),
  addresses: list("node addresses that take the traffic, for `externalIPs`", address("address of a node")).default([]),
  host: optional(
    host("host name or address that people open; MLflow answers to no other"),
    "the first address; required but for `externalIPs`",
  ),
  ports: uiPorts.prefault({}),
  nodePorts: byEnvironment(
    "Node ports, for `NodePort`.",
    whole("node port of each environment and page, for `NodePort`", 30000, 32767).meta({
      fallback: "required for `NodePort`",
    }),
    Object.keys(uiPorts.shape),
  ).default({}),
});

const environmentPort = port("port of the environment, as people open it");
const promotesFrom = environmentName(
  "environment that its models come from; together they are one chain, which begins with staging",
);
const environment = section("One environment that this stack holds.", {
  port: optional(environmentPort, "required, but with `platform`"),
  promotesFrom: optional(promotesFrom, "none, for staging and with `platform`"),
  // The app alone needs 105 MiB at its peak.
  memory: quantity("memory limit of the app container", "128Mi", "16Gi").default("256Mi"),
  replicas: whole("pods that serve", 1, 20).default(1),
  protect: flag("whether Pulumi refuses to delete it, and what its releases and their record are kept in").default(
    false,
  ),
});

const remoteEnvironment = section("Where an environment is that another stack holds.", {
  stack: stackName("stack that holds the environment, and names this one under `platform`"),
  port: environmentPort,
  promotesFrom,
  cluster: optional(
    clusterName("name that Argo CD gives to its cluster, where that is not the platform's"),
    "the platform's",
  ),
  url: optional(serviceUrl("where the workflows reach it, on a cluster that is not the platform's"), "none"),
});

const pipeline = section("What the workflows train and ask.", {
  accuracyBar: decimal("share of held-out pictures that a model must name rightly", 0, 1).default(0.8),
  epochs: whole("passes over the training data", 1, 100).default(3),
  rolloutTimeoutSeconds: whole("time that a release may take to serve", 10, 600, "s").default(120),
  minimumSoakMinutes: whole(
    "time that an environment after staging runs a version before it may go on to the next",
    0,
    10080,
    "min",
  ).default(0),
  load: section("The load gate.", {
    // Under twenty answers there is no 95th percentile.
    requests: whole("requests that the load gate sends", 20, 100000).default(100),
    concurrency: whole("requests that it sends at once", 1, 1000).default(10),
    minSuccessPercent: decimal("success rate that must be exceeded", 0, 99.99, "%").default(95),
    // A request of ten seconds counts as failed.
    maxP95Ms: whole("time in which 95 % of the requests must be answered", 1, 10000, "ms").default(2000),
  }).prefault({}),
  cron: section("When a training starts by itself.", {
    schedule: schedule("when a training starts by itself, in cron's five fields").default("0 2 * * *"),
    timezone: timeZone("IANA time zone of the schedule").default("UTC"),
    suspended: flag("whether the schedule rests").default(true),
  }).prefault({}),
});

export const schema = section("Settings of a stack.", {
  cluster,
  platform: platform.optional(),
  images: images.prefault({}),
  registry: registry.prefault({}),
  modelRegistry: modelRegistry.prefault({}),
  argoWorkflows: argoWorkflows.prefault({}),
  argoCd: argoCd.prefault({}),
  exposure,
  environments: byEnvironment("The environments that this stack holds.", environment),
  remoteEnvironments: byEnvironment(
    "The environments that come after them and that other stacks hold.",
    remoteEnvironment,
  ).default({}),
  pipeline: pipeline.prefault({}),
});
/** What the sections hold once every default is filled in. */
export type Sections = z.output<typeof schema>;

/** What a stack file holds: the settings, and what Pulumi itself keeps beside them. */
export const stackFile = section(`A stack of ${project}.`, {
  config: openMapping(
    `Settings, each key beginning with \`${project}:\`, and settings of Pulumi's own providers.`,
  ).optional(),
  environment: z.unknown().meta({ description: "Environments of Pulumi ESC." }).optional(),
  encryptedkey: text("Key of the stack's secrets, which Pulumi writes.", "the text that Pulumi wrote", /./).optional(),
  encryptionsalt: text(
    "Salt of the stack's passphrase, which Pulumi writes.",
    "the text that Pulumi wrote",
    /./,
  ).optional(),
  secretsprovider: text(
    "What encrypts the stack's secrets, which Pulumi writes.",
    "the text that Pulumi wrote",
    /./,
  ).optional(),
});
export type StackFile = z.output<typeof stackFile>;
