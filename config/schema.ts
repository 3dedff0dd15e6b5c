/**
 * The settings of a stack: each with its meaning, unit, range and default. `npm run docs` writes the table in
 * docs/configuration.md and the schema for editors from this file.
 */
import { z } from "zod";
import { catalogue, imageKeys } from "../images/catalogue";
import {
  address,
  byEnvironment,
  byMetric,
  byName,
  byReceiver,
  byWindow,
  choice,
  clusterName,
  decimal,
  environmentName,
  flag,
  host,
  hostAndPort,
  issuerUrl,
  list,
  listenAddress,
  oneLine,
  oneNumberOf,
  openMapping,
  optional,
  percentages,
  prometheusUrl,
  quantity,
  registryPrefix,
  repository,
  s3Endpoint,
  schedule,
  secretName,
  section,
  serverUrl,
  serviceUrl,
  source,
  stackName,
  text,
  timeZone,
  whole,
  windowSchedule,
} from "./fields";

/** Name of the project in Pulumi.yaml. The key of every section begins with it. */
export const project = "gourmetgram";

/** Pulumi's providers in the program, by the prefix of their settings. One of those may be named like a section. */
export const pulumiProviders: readonly string[] = ["kubernetes", "command"];

const pinnedRelease = "the pinned release";
const { argoWorkflowController, argoCd: argoCdImage, contour: contourImage } = catalogue;
const argoWorkflowsReleases = "https://github.com/argoproj/argo-workflows/releases/download";
const argoCdRelease = `https://raw.githubusercontent.com/argoproj/argo-cd/${argoCdImage.tag}/manifests`;
const contourRelease = `https://raw.githubusercontent.com/projectcontour/contour/${contourImage.tag}/examples`;
/** URLs of what the pinned releases install. */
export const pinnedManifests = {
  argoWorkflows: `${argoWorkflowsReleases}/${argoWorkflowController.tag}/namespace-install.yaml`,
  argoCd: `${argoCdRelease}/namespace-install.yaml`,
  argoCdCrds: ["application", "applicationset", "appproject"].map((kind) => `${argoCdRelease}/crds/${kind}-crd.yaml`),
  gateway: [`${contourRelease}/render/contour-deployment.yaml`, `${contourRelease}/gateway/00-crds.yaml`],
};
const port = (meaning: string) => whole(meaning, 1, 65535);
const volume = (meaning: string) => quantity(meaning, "1Gi", "10000Gi").default("20Gi");

export const cluster = section("The cluster that the stack is deployed to.", {
  context: text(
    "context of the kubeconfig; a stack never uses the current context",
    "a context of the kubeconfig, as `kubectl config get-contexts` lists them",
    /\S/,
  ),
  // A pasted kubeconfig would publish its credentials, so JSON and several lines are rejected.
  kubeconfig: optional(
    text("path of the kubeconfig", "the path of the kubeconfig, without ~", /^(?![~{]).+$/),
    "`KUBECONFIG`, then `~/.kube/config`",
  ),
});

const platform = section("The platform in another stack, for a stack that holds only environments.", {
  stack: stackName(
    "stack that holds the platform (Argo, MLflow, the registry, the workflows); " +
      "its `remoteEnvironments` must list the environments of this stack",
  ),
  cluster: cluster.optional().meta({ description: "The platform's cluster, if this stack is on another one." }),
  apiServer: optional(
    serverUrl("URL at which Argo CD reaches this stack's cluster, if it is not the platform's cluster"),
    "none",
  ),
});

const images = section("The container images.", {
  build: flag("whether `pulumi up` builds and pushes app, train, tools and board").default(false),
  mirror: optional(
    registryPrefix(
      "registry host (and path) with a copy of every upstream image, for clusters without internet access",
    ),
    "none",
  ),
  overrides: byName(
    "Changes to single images of the catalogue.",
    imageKeys,
    section("One image; the catalogue's value applies to each key that is left out.", {
      repository: optional(repository("registry host and repository of one image of the catalogue"), "the catalogue's"),
      tag: optional(
        text(
          "tag of that image; only its digest decides what runs",
          'a tag in quotes, as in "v3.2.6"',
          /^\w[\w.-]{0,127}$/,
        ),
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
    address("fixed address of the registry's Service, which `configureNodes` needs"),
    "assigned by the cluster",
  ),
  configureNodes: flag("whether a DaemonSet configures containerd on every node to use the registry").default(false),
});

const database = section("PostgreSQL for MLflow's database. Without this section it is SQLite on MLflow's volume.", {
  install: flag("whether the stack runs a PostgreSQL of its own: one pod, for labs and tests").default(false),
  secret: optional(
    secretName(
      "name of a Secret in the namespace `gourmetgram-platform`: with `host` its keys are `username` and `password`, " +
        "without it `uri` has the whole address, as in `postgresql://...`",
    ),
    "required with `install: false`",
  ),
  host: optional(host("host of the server"), "in the Secret's `uri`"),
  port: optional(port("port of that host"), "5432"),
  name: optional(
    text("name of the database on that host", "the name of a database, as in mlflow", /^[a-z_][a-z0-9_-]{0,62}$/),
    "mlflow",
  ),
  sslMode: optional(
    choice(
      "how the connection to that host is protected: `verify-full` checks the server's certificate with public CAs, " +
        "`require` checks none, `disable` encrypts nothing",
      ["verify-full", "require", "disable"],
    ),
    "`verify-full`",
  ),
});

const artifacts = section("S3-compatible store of MLflow's artifacts. Without this section they are on its volume.", {
  install: flag("whether the stack runs a store of its own, versitygw: one pod, for labs and tests").default(false),
  secret: optional(
    secretName(
      "name of a Secret in the namespace `gourmetgram-platform` with the keys `AWS_ACCESS_KEY_ID` and " +
        "`AWS_SECRET_ACCESS_KEY`",
    ),
    "required with `install: false`",
  ),
  bucket: optional(
    text(
      "bucket that exists already",
      "the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    ),
    "required with `install: false`",
  ),
  prefix: optional(
    text(
      "folder in the bucket",
      'a path without / at its ends, as in "models/mlflow"',
      /^(?!.*(?:^|\/)\.)[\w.-]+(?:\/[\w.-]+)*$/,
    ),
    "the bucket's root",
  ),
  endpoint: optional(s3Endpoint("URL of the store"), "Amazon S3"),
  region: optional(text("region of the bucket", "a region, as in eu-central-1", /^[a-z0-9-]{1,40}$/), "us-east-1"),
  pathStyle: optional(
    flag("whether the bucket is in the path of the URLs, as most stores other than Amazon's need it"),
    "false",
  ),
});

const modelRegistry = section("MLflow.", {
  storage: volume("size of MLflow's volume, with the database and the artifacts, and of each store that is installed"),
  replicas: whole("number of pods; more than one need `database` and `artifacts`", 1, 5).default(1),
  database: database.optional(),
  artifacts: artifacts.optional(),
  hosts: list(
    "further hosts under which people open MLflow, such as that of an ingress, with its port if it is not 80 or 443",
    hostAndPort("host of MLflow's page"),
  ).default([]),
});

const argoWorkflows = section("Argo Workflows.", {
  install: flag("`false` if the cluster already has it and it watches the namespace `argo`").default(true),
  manifests: source("URL or path of the release's namespace-install manifest")
    .default(pinnedManifests.argoWorkflows)
    .meta({ fallback: pinnedRelease }),
  authMode: choice("`client` asks for a Kubernetes token, `server` admits everyone who can reach the page", [
    "client",
    "server",
  ]).default("client"),
});
const argoCd = section("Argo CD.", {
  install: flag("`false` if the cluster already has version 3.1 or newer in the namespace `argocd`").default(true),
  manifests: source("URL or path of the release's namespace-install manifest")
    .default(pinnedManifests.argoCd)
    .meta({ fallback: pinnedRelease }),
  crds: list("URLs or paths of the release's CRDs, which the manifest does not contain", source("URL or path of a CRD"))
    .default(pinnedManifests.argoCdCrds)
    .meta({ fallback: pinnedRelease }),
});

const gateway = section("The gateway, at which users come in. Without this section no user comes to canary.", {
  install: flag("`false` if the cluster already has an implementation of the Gateway API").default(true),
  className: optional(
    text("GatewayClass of that implementation", "the name of a GatewayClass", /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/),
    "required with `install: false`",
  ),
  port: port("port at which users come in").default(8088),
  manifests: list(
    "URLs or paths of Contour's install manifest and of the CRDs of the Gateway API",
    source("URL or path of a manifest"),
  )
    .default(pinnedManifests.gateway)
    .meta({ fallback: pinnedRelease }),
});

const monitoring = section("Prometheus, which keeps the figures. Without this section nobody collects them.", {
  install: flag("`false` if you have a Prometheus that collects the figures").default(true),
  url: optional(prometheusUrl("URL at which the workflows reach that Prometheus"), "required with `install: false`"),
  retentionDays: whole("time for which figures are kept, at most 1 GB of them", 1, 90, "days").default(7),
});

const oidc = section(
  "Signing in to the board at an OIDC provider that the API server trusts. Without this section people paste a token.",
  {
    issuer: issuerUrl("issuer of the provider, as the API server knows it"),
    clientId: text(
      "client of the provider whose tokens the API server accepts: a public one, without a secret",
      "the name of a client, without spaces",
      /^[\x21-\x7e]{1,200}$/,
    ),
    scopes: list(
      "scopes that are asked for beside `openid`",
      text("a scope", 'a scope other than openid, as in "groups"', /^(?!openid$)[\x21\x23-\x5b\x5d-\x7e]{1,100}$/),
    ).default(["email"]),
  },
);

const board = section("The board: a page with the whole pipeline, live.", {
  install: flag("whether the stack has a board").default(true),
  port: port("port of the board").default(8090),
  hosts: list(
    "further hosts under which people open the board, such as that of an ingress",
    host("host of the board"),
  ).default([]),
  oidc: oidc.optional(),
});

const uiPorts = section("Ports of the three pages.", {
  mlflow: port("port of MLflow").default(8000),
  argoWorkflows: port("port of Argo Workflows").default(2746),
  argoCd: port("port of Argo CD").default(8082),
});
export const listen = section("Who reaches the local cluster, beside the machine that it runs on.", {
  address: listenAddress(
    "address of the machine at which the local cluster's environments and pages are open to others, or `0.0.0.0` or " +
      "`::` for all of its addresses; without this section they are open on 127.0.0.1 only",
  ),
  hosts: list(
    "names and addresses that people open instead of the machine's own, such as a floating IP; the first is printed",
    host("host that people open"),
  ).default([]),
  only: optional(
    choice("`environments` opens the environments and the gateway alone", ["environments"]),
    "the pages are open too",
  ),
});
const exposure = section("How people reach the environments and the pages.", {
  type: choice("kind of the Services: `LoadBalancer`, `NodePort` or `externalIPs`", [
    "LoadBalancer",
    "NodePort",
    "externalIPs",
  ]),
  addresses: list("node addresses that receive the traffic, for `externalIPs`", address("address of a node")).default(
    [],
  ),
  host: optional(
    host(
      "host name or address that people open; beside it MLflow answers only to `modelRegistry.hosts`, " +
        "and the board only to `board.hosts`, addresses and localhost",
    ),
    "the first address for `externalIPs`, otherwise required",
  ),
  listen: listen.optional(),
  ports: uiPorts.prefault({}),
  nodePorts: byEnvironment(
    "Node ports, for `NodePort`.",
    whole("node port of each environment and page, for `NodePort`", 30000, 32767).meta({
      fallback: "required for `NodePort`",
    }),
    [...Object.keys(uiPorts.shape), "gateway", "board"],
  ).default({}),
  portsMapped: flag(
    "for `NodePort`: whether people open the ports of the environments and pages all the same, since something in " +
      "front of the nodes leads each to its node port, as kind's `extraPortMappings` do",
  ).default(false),
});

const environmentPort = port("port at which people open the environment");
const promotesFrom = environmentName(
  "environment that its models come from; all environments form one path, which begins with staging",
);
const environment = section("One environment that this stack holds.", {
  port: optional(environmentPort, "required, except with `platform`"),
  promotesFrom: optional(promotesFrom, "required, except for staging and with `platform`"),
  // The app alone needs 105 MiB at its peak.
  memory: quantity("memory limit of the app container", "128Mi", "16Gi").default("256Mi"),
  replicas: whole("number of pods", 1, 20).default(1),
  answersKept: whole(
    "number of newest answers, and as many of a sample, that each pod keeps in memory: the class, its probability " +
      "and five figures of the picture, but no picture",
    0,
    10000,
  ).default(0),
  protect: flag(
    "whether Pulumi refuses to delete the environment, and the volumes and namespaces with its releases and record",
  ).default(false),
});

const remoteEnvironment = section("The location of an environment that another stack holds.", {
  stack: stackName("stack that holds the environment; its `platform.stack` must be this stack"),
  port: environmentPort,
  promotesFrom,
  cluster: optional(
    clusterName("Argo CD's name for its cluster, if it is not the platform's cluster"),
    "the platform's cluster",
  ),
  url: optional(serviceUrl("URL at which the workflows reach it, if it is on another cluster"), "none"),
});

/** What people are told of by webhook; `workflows/lib/inputs.py` has the same. */
export const notificationTriggers = [
  "turned-away",
  "reverted",
  "held",
  "promoted",
  "aborted",
  "withdrawn",
  "lost",
  "restored",
  "drifted",
  "approval-wanted",
  "frozen",
  "volume-full",
] as const;

export const notificationFormats = ["json", "slack"] as const;

const receiver = section("A receiver of notifications.", {
  secret: secretName(
    "name of a Secret in the namespace `argo` with the keys `url` and, if messages are to be signed, `signing-key`",
  ),
  format: choice(
    "shape of a message: `json`, or `slack` for an incoming webhook of Slack",
    notificationFormats,
  ).default("json"),
  triggers: list(
    `what it is told of: ${notificationTriggers.map((trigger) => `\`${trigger}\``).join(", ")}`,
    choice("a trigger", notificationTriggers),
  )
    .default([...notificationTriggers])
    .meta({ fallback: "all" }),
});

const dryRun = flag("whether it is computed and said, and decides nothing").default(false);
const bar = (meaning: string) => optional(decimal(meaning, -1e12, 1e12), "exactly one of both bars is required");
const analysis = section("How a version in canary is judged: all but `restarts` in a stack with monitoring.", {
  minimumRequests: whole("number of answers without which there is no verdict", 20, 10000).default(100),
  confidencePercent: decimal("confidence of the intervals that decide", 80, 99.9, "%").default(95),
  success: section("Answers without an error of the server.", {
    minPercent: decimal("share of the answers that must be no 5xx", 0, 99.9, "%").default(95),
    dryRun,
  }).prefault({}),
  p95: section("Time of the answers.", {
    // The bounds of the buckets in images/app/metrics.py that are bars.
    maxMs: oneNumberOf(
      "time in which 95 % of the answers must come",
      [500, 750, 1000, 1500, 2000, 3000, 5000],
      "ms",
    ).default(2000),
    dryRun,
  }).prefault({}),
  confidence: section("Mean confidence of the predictions.", {
    maxDrop: decimal("how far it may be below production's", 0.01, 1).default(0.15),
    dryRun,
  }).prefault({}),
  classes: section("Shares of the classes that are predicted.", {
    maxDifference: decimal("how far the share of a class may be from production's", 0.01, 1).default(0.2),
    dryRun,
  }).prefault({}),
  restarts: section("Containers of the version that end by themselves.", {
    most: whole("number of times that its containers may end by `OOMKilled` or a crash", 0, 100).default(0),
    dryRun,
  }).prefault({}),
  metrics: byMetric(
    "The stack's own metrics.",
    section("A metric.", {
      query: text(
        "PromQL that gives one number, with the placeholders `{version}` and `{environment}`",
        "a query of at most 1000 characters on one line",
        /^[^\n\r]{1,1000}$/,
      ),
      atLeast: bar("least value that is good"),
      atMost: bar("largest value that is good"),
      intervalSeconds: whole("least time between two measurements, where 0 means each look", 0, 3600, "s").default(0),
      count: whole("number of measurements at each share without which it does not pass", 1, 100).default(1),
      failureLimit: whole("number of measurements in a row that must fail before it counts", 1, 100).default(3),
      dryRun,
    }),
  ).default({}),
});

const dataDrift = section(
  "How the pictures that people send in production are compared with those that its model learnt from. Without this " +
    "section nobody compares them.",
  {
    bar: decimal(
      "distance of a feature's two samples (Kolmogorov-Smirnov) beyond which the pictures are others",
      0.05,
      0.95,
    ).default(0.35),
    minimumAnswers: whole("number of answers without which there is no verdict", 30, 10000).default(100),
    cooldownHours: whole("time between two trainings that a drift starts", 1, 8760, "h").default(24),
  },
);

const approval = section("Promotions to this environment wait until people approve them.", {
  users: list(
    "people who may approve, by the names under which the API server knows them",
    text("a name of the API server's", 'a name, as in "anna@example.org"', /^[^\s{}'"]{1,253}$/),
  ).default([]),
  groups: list(
    "groups of the API server whose members may approve",
    text("a group of the API server's", 'a group, as in "oidc:instructors"', /^[^\s{}'"]{1,253}$/),
  ).default([]),
  minimum: whole("number of people who have to approve", 1, 10).default(1),
  byRequester: flag("whether who asks for a promotion may approve it too").default(false),
  expiryHours: whole("time after which a request expires", 1, 168, "h").default(24),
});

const promotionWindow = section("A window of the calendar.", {
  kind: choice("`allow`: promotions wait for this window. `deny`: there are none in it, whatever allows them", [
    "allow",
    "deny",
  ]),
  environments: list("environments whose promotions it concerns", environmentName("an environment")),
  schedule: windowSchedule("when it begins, in cron's five fields, by days of the month or by weekdays"),
  minutes: whole("time that it lasts", 1, 10080, "min"),
  timezone: timeZone("IANA time zone of the schedule").default("UTC"),
  description: oneLine("why, for people who are refused").default(""),
});

const pipeline = section("How the workflows train and test models.", {
  accuracyBar: decimal("share of held-out pictures that a model must classify correctly", 0, 1).default(0.8),
  judgement: section("Which models are registered, beside the accuracy bar. Both models see the same pictures.", {
    margin: decimal(
      "share of held-out pictures by which production's model may be better, over all and in each slice of them",
      0,
      1,
    ).default(0.02),
    classBar: decimal("share of each class's held-out pictures that a model must classify correctly", 0, 1).default(
      0.5,
    ),
    dryRun: flag("whether a model that fails this judgement is registered all the same, with the reasons").default(
      false,
    ),
  }).prefault({}),
  epochs: whole("passes over the training data", 1, 100).default(3),
  rolloutTimeoutSeconds: whole("time in which a release must be ready", 1, 600, "s").default(120),
  minimumSoakMinutes: whole(
    "time that an environment after staging must run a version before it can be promoted further",
    0,
    10080,
    "min",
  ).default(0),
  load: section("The load gate.", {
    // With fewer than twenty answers there is no 95th percentile. For more than 84 in turn, each of which may take ten
    // seconds, the gate has no time: see loadIssues in cross-field-checks.ts.
    requests: whole("number of requests that the load gate sends, at most 84 times `concurrency`", 20, 5376).default(
      100,
    ),
    // The app answers 503 to more, whatever the model: WAITING_BAR in images/app/model.py.
    concurrency: whole("number of requests at the same time, at most as many as the app takes", 1, 64).default(10),
    minSuccessPercent: decimal("success rate that must be exceeded", 0, 99.99, "%").default(95),
    // A request of ten seconds counts as failed.
    maxP95Ms: whole("time in which 95 % of the requests must be answered", 1, 10000, "ms").default(2000),
  }).prefault({}),
  canary: section("How the gateway leads users to canary.", {
    // A route of the Gateway API has 16 rules, two more than shares: MOST_SHARES in workflows/lib/traffic.py.
    steps: percentages("shares of the users that meet a new version in canary, one after another", 14).default([
      1, 10, 25, 50,
    ]),
    stepMinutes: whole("time that each share lasts before the next one", 1, 1440, "min").default(5),
    // No percentage: Contour 1.33 copies all requests, whatever `percent` of the filter RequestMirror says.
    mirrorRequests: flag(
      "whether canary gets a copy of each request that the gateway leads to production, and both answers are compared",
    ).default(false),
    analysis: analysis.prefault({}),
  }).prefault({}),
  retention: section("Which model versions keep their images and files, beside those that are in use.", {
    days: whole("time for which a version is kept after an environment last served it", 1, 3650, "days").default(30),
    versions: whole("number of versions that passed staging last, which are kept to go back to", 1, 1000).default(10),
  }).prefault({}),
  cron: section("The schedule of automatic trainings.", {
    schedule: schedule("when a training starts automatically, in cron's five fields").default("0 2 * * *"),
    timezone: timeZone("IANA time zone of the schedule").default("UTC"),
    suspended: flag("whether the schedule is suspended").default(true),
  }).prefault({}),
  dataDrift: dataDrift.optional(),
  approval: byEnvironment("Which promotions wait for people.", approval).default({}),
  windows: byWindow("When the calendar allows promotions, at most 50 windows.", promotionWindow).default({}),
  notifications: byReceiver("Who is told of the pipeline by webhook, at most 5 receivers.", receiver).default({}),
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
  gateway: gateway.optional(),
  board: board.prefault({}),
  monitoring: monitoring.optional(),
  environments: byEnvironment("The environments that this stack holds.", environment),
  remoteEnvironments: byEnvironment(
    "The later environments of the path, which other stacks hold.",
    remoteEnvironment,
  ).default({}),
  pipeline: pipeline.prefault({}),
});
/** Who reaches the local cluster, with all defaults. */
export type ListenSettings = z.output<typeof listen>;
/** The sections with all defaults. */
export type Sections = z.output<typeof schema>;

const writtenByPulumi = (meaning: string) => text(meaning, "the text that Pulumi wrote", /./).optional();

/** The contents of a stack file: the settings, and the keys that Pulumi itself uses. */
export const stackFile = section(`A stack of ${project}.`, {
  config: openMapping(
    `Settings, each key beginning with \`${project}:\`, and settings of Pulumi's own providers.`,
  ).optional(),
  environment: z.unknown().meta({ description: "Environments of Pulumi ESC." }).optional(),
  encryptedkey: writtenByPulumi("Key of the stack's secrets, which Pulumi writes."),
  encryptionsalt: writtenByPulumi("Salt of the stack's passphrase, which Pulumi writes."),
  secretsprovider: writtenByPulumi("What encrypts the stack's secrets, which Pulumi writes."),
});
export type StackFile = z.output<typeof stackFile>;
