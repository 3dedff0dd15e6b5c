/** What a stack's configuration may hold: every setting with its type, unit, range and default. */
import { z } from "zod";
import { ImageKey, imageKeys } from "./images/catalogue";

const unit = 'write a whole number with its unit, Mi or Gi, as in "256Mi"';
// YAML reads a bare 256 as a number: it is told the same as a bare "256".
const quantity = z.string(unit).regex(/^[1-9][0-9]*(Mi|Gi)$/, unit);
const port = z.int().min(1, "write a port from 1 to 65535").max(65535, "write a port from 1 to 65535");
const nodePort = z.int().min(30000, "write a node port from 30000 to 32767").max(32767, "write a node port from 30000 to 32767");
const address = z.ipv4('write an IPv4 address, as in "192.0.2.10"');
const dnsLabel = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, "write lower-case letters, digits and dashes, 30 at most")
  .refine((name) => !["mlflow", "platform"].includes(name), "MLflow has this name: write another one");
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'write "sha256:" and 64 hex digits');

export const cluster = z.strictObject({
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
    /** Host that the URLs name, and that MLflow answers to. Default for `externalIPs`: the first address; else required. */
    host: z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, "write a host name or an IPv4 address, without http:// and port").optional(),
    /** Ports of the three UIs. Defaults: MLflow 8000, Argo Workflows 2746, Argo CD 8082. */
    ports: uiPorts.prefault({}),
    /** Node port of each environment and UI, for `NodePort` only. */
    nodePorts: z.record(z.string(), nodePort).default({}),
  });

const environment = z.strictObject({
  /** Port of the Service, as people open it. */
  port,
  /** Environment whose models come here by promotion. Left out for the first one, where candidates are tested. */
  promotesFrom: z.string().optional(),
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
  /** Seconds, 10 to 600, that a release may take to serve before it counts as failed. Default 120. */
  rolloutTimeoutSeconds: z.int().min(10, "write 10 to 600").max(600, "write 10 to 600").default(120),
  /** Minutes, 0 to 10080, that canary runs a version before it may go on to production. Default 0. */
  minimumSoakMinutes: z.number().min(0, "write 0 to 10080").max(10080, "write 0 to 10080").default(0),
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
      schedule: z.string().refine(isSchedule, 'write the five fields of cron, as in "0 2 * * *"').default("0 2 * * *"),
      /** IANA time zone of the schedule. Default UTC. */
      timezone: z.string().refine(isTimeZone, 'write an IANA time zone, as in "Europe/Berlin"').default("UTC"),
      /** Whether the schedule rests. Default true. */
      suspended: z.boolean().default(true),
    })
    .prefault({}),
});

/** The sections of a stack's configuration, by key. */
export const shape = {
  cluster,
  images: images.prefault({}),
  registry: registry.prefault({}),
  modelRegistry: modelRegistry.prefault({}),
  argoWorkflows: argoWorkflows.prefault({}),
  argoCd: argoCd.prefault({}),
  exposure,
  environments: z.record(dnsLabel, environment).refine((all) => Object.keys(all).length > 0, "name at least one environment"),
  pipeline: pipeline.prefault({}),
};
export const schema = z.strictObject(shape);
/** What the sections hold once every default is filled in. */
export type Sections = z.output<typeof schema>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const cronRanges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];

/** Cron's five fields in numbers: minute, hour, day of the month, month, day of the week (0 to 6, Sunday first). */
function isSchedule(text: string): boolean {
  const fields = text.split(" ");
  const inRange = (part: string, [least, most]: number[]) => {
    const [, from, to] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/[1-9]\d*)?$/.exec(part) ?? ["", "-1"];
    return Number(from ?? least) >= least && Number(to ?? from ?? most) <= most && Number(to ?? most) >= Number(from ?? least);
  };
  return fields.length === cronRanges.length && fields.every((field, index) => field.split(",").every((part) => inRange(part, cronRanges[index])));
}
