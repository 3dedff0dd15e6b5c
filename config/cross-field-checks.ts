/** Checks between settings that are valid by themselves. */
import { isDeepStrictEqual } from "node:util";
import {
  catalogue,
  type ImageKey,
  type ImageOverride,
  imageKeys,
  neededImages,
  type OptionalPart,
  optionalParts,
  registryPort,
  resolveImages,
  unpinnedImages,
} from "../images/catalogue";
import { apiPort, kubeletPort, kubeProxyPort, mirrorPort } from "../lib/local-ports";
import { localContext } from "../lib/paths";
import { type EnvironmentLocation, firstEnvironment, promotionOrder, promotionPathErrors } from "./promotion-path";
import { notificationTriggers, type Sections, schema } from "./schema";

/** A setting that is wrong, and what to write instead. */
export interface ConfigIssue {
  readonly path: string[];
  readonly message: string;
}

const issue = (path: string[], message: string): ConfigIssue => ({ path, message });

/** Reason of two checks: Argo CD tells remote clusters apart by their address. */
const onePerCluster = "since Argo CD allows one environment per remote cluster";

/** The environments of a stack, and those of other stacks that it promotes to. */
type AllEnvironments = Pick<Sections, "environments" | "remoteEnvironments">;

/**
 * Compares the settings of a stack with each other.
 * @param sections the sections that are valid by themselves; a check is skipped if a section that it needs is missing
 * @param given names of the sections that the stack file has, valid or not
 */
export function crossFieldChecks(sections: Partial<Sections>, given: readonly string[]): ConfigIssue[] {
  const { environments, remoteEnvironments, exposure, gateway, modelRegistry, monitoring, pipeline, registry, images } =
    sections;
  const hasPlatformElsewhere = given.includes("platform");
  const all = environments && remoteEnvironments ? { environments, remoteEnvironments } : undefined;
  return [
    ...(hasPlatformElsewhere ? environmentStackIssues(sections, given) : environmentIssues(sections)),
    ...(images && !hasPlatformElsewhere ? digestIssues(images, sections) : []),
    ...(gateway && !hasPlatformElsewhere ? [...gatewayClassIssues(gateway), ...(all ? gatewayIssues(all) : [])] : []),
    ...(monitoring && !hasPlatformElsewhere ? monitoringIssues(monitoring) : []),
    ...(exposure
      ? exposureIssues(exposure, environments, hasPlatformElsewhere ? [] : pagesOf(exposure, sections))
      : []),
    ...(exposure?.listen ? listenIssues(sections, hasPlatformElsewhere) : []),
    ...(pipeline ? [...loadIssues(pipeline.load), ...metricIssues(pipeline.canary.analysis.metrics)] : []),
    ...(pipeline ? notificationIssues(pipeline.notifications, given.includes("gateway")) : []),
    ...(pipeline && all ? approvalIssues(pipeline.approval, all) : []),
    ...(pipeline && all ? windowIssues(pipeline.windows, all) : []),
    ...(pipeline?.dataDrift && all ? dataDriftIssues(pipeline.dataDrift, all) : []),
    ...(pipeline?.canary.mirrorRequests ? mirrorIssues(all, given.includes("gateway")) : []),
    ...(registry ? registryIssues(registry) : []),
    ...(modelRegistry ? modelRegistryIssues(modelRegistry) : []),
  ];
}

/** The answers that are compared are those that the last environment keeps. */
function dataDriftIssues(
  { minimumAnswers }: NonNullable<Sections["pipeline"]["dataDrift"]>,
  { environments, remoteEnvironments }: AllEnvironments,
): ConfigIssue[] {
  const last = promotionOrder({ ...remoteEnvironments, ...environments }).at(-1);
  if (last === undefined) return [];
  const path = ["environments", last, "answersKept"];
  const environment = environments[last];
  if (!environment)
    return [
      issue(["pipeline", "dataDrift"], `remove it, since ${last} is in another stack, where nobody reads its answers`),
    ];
  if (environment.answersKept >= minimumAnswers) return [];
  return [issue(path, `write ${minimumAnswers} or more, since pipeline.dataDrift compares as many answers`)];
}

/** People are asked for promotions, so not for staging, and enough of them may approve. */
function approvalIssues(approval: Sections["pipeline"]["approval"], sections: AllEnvironments): ConfigIssue[] {
  const targets = promotionTargets(sections);
  return Object.entries(approval).flatMap(([name, { users, groups, minimum }]) => {
    const path = ["pipeline", "approval", name];
    if (!targets.includes(name)) return [issue(path, noTarget(name, targets))];
    if (groups.length > 0 || users.length >= minimum) return [];
    const wanted =
      minimum === 1
        ? "a user or a group, since one person has"
        : `${minimum} users or a group, since ${minimum} people have`;
    return [issue([...path, "users"], `write at least ${wanted} to approve`)];
  });
}

/** Largest number of windows, so that the steps look at all of them at once. */
const mostWindows = 50;

/** A window concerns promotions, so not staging. */
function windowIssues(windows: Sections["pipeline"]["windows"], sections: AllEnvironments): ConfigIssue[] {
  const targets = promotionTargets(sections);
  const names = Object.keys(windows);
  const tooMany = `write at most ${mostWindows} windows, not ${names.length}`;
  return [
    ...(names.length > mostWindows ? [issue(["pipeline", "windows"], tooMany)] : []),
    ...names.flatMap((name) => {
      const path = ["pipeline", "windows", name, "environments"];
      const { environments } = windows[name];
      if (environments.length === 0) return [issue(path, `write at least one of ${targets.join(", ")}`)];
      return environments.flatMap((target, index) =>
        targets.includes(target) ? [] : [issue([...path, String(index)], noTarget(target, targets))],
      );
    }),
  ];
}

/** The environments that models are promoted to. */
const promotionTargets = ({ environments, remoteEnvironments }: AllEnvironments): string[] =>
  promotionOrder({ ...remoteEnvironments, ...environments }).slice(1);

const noTarget = (name: string, targets: readonly string[]): string =>
  targets.length === 0
    ? "remove it, since nothing is promoted in this stack"
    : `nothing is promoted to ${name}: write ${targets.length === 1 ? targets[0] : `one of ${targets.join(", ")}`}`;

/** A metric is good on one side of one bar. */
function metricIssues(metrics: Sections["pipeline"]["canary"]["analysis"]["metrics"]): ConfigIssue[] {
  return Object.entries(metrics)
    .filter(([, { atLeast, atMost }]) => (atLeast === undefined) === (atMost === undefined))
    .map(([name, { atLeast }]) => {
      const message = atLeast === undefined ? "write atLeast or atMost" : "write atLeast or atMost, and not both";
      return issue(["pipeline", "canary", "analysis", "metrics", name], message);
    });
}

/** Sections of a stack whose platform is in another stack. */
const environmentStackSections = ["cluster", "platform", "exposure", "environments"];

/** A stack that holds only environments sets nothing that the platform's stack sets. */
function environmentStackIssues(
  { cluster, platform, environments = {} }: Partial<Sections>,
  given: readonly string[],
): ConfigIssue[] {
  const owner = platform ? `the stack ${platform.stack}` : "the platform's stack";
  const sections = given.filter((name) => name in schema.shape && !environmentStackSections.includes(name));
  const paths = [...sections.map((name) => [name]), ...platformKeys(environments)];
  return [
    ...paths.map((path) => issue(path, `remove it, or remove platform, since ${owner} sets it`)),
    ...(platform ? remoteStackIssues(platform, cluster, Object.keys(environments).sort()) : []),
  ];
}

/** Paths of the keys of environments that only the platform's stack may set. */
function platformKeys(environments: Sections["environments"]): string[][] {
  return Object.entries(environments).flatMap(([name, environment]) =>
    (["port", "promotesFrom"] as const)
      .filter((key) => environment[key] !== undefined)
      .map((key) => ["environments", name, key]),
  );
}

/** A stack on another cluster than its platform's names both clusters, and holds one environment. */
function remoteStackIssues(
  { cluster: platformCluster, apiServer }: NonNullable<Sections["platform"]>,
  stackCluster: Sections["cluster"] | undefined,
  environments: string[],
): ConfigIssue[] {
  const clusterPath = ["platform", "cluster"];
  if (!platformCluster && !apiServer) return [];
  if (!platformCluster)
    return [
      issue(
        clusterPath,
        "missing: write the platform's cluster, since apiServer says that this stack is on another one",
      ),
    ];
  const issues = environments
    .slice(1)
    .map((name) => issue(["environments", name], `move it to its own stack, ${onePerCluster}`));
  if (!apiServer)
    issues.push(
      issue(
        ["platform", "apiServer"],
        "missing: write the URL at which Argo CD reaches this stack's cluster, since the platform is on another one",
      ),
    );
  if (isDeepStrictEqual(platformCluster, stackCluster))
    issues.push(issue(clusterPath, "correct it, or remove it and apiServer, since it is the cluster of this stack"));
  return issues;
}

/** Where the environments are, and in which order models are promoted along them. */
function environmentIssues(sections: Partial<Sections>): ConfigIssue[] {
  const { environments, remoteEnvironments } = sections;
  const local = environments ?? {};
  const remote = remoteEnvironments ?? {};
  const all: Record<string, Partial<EnvironmentLocation>> = { ...remote, ...local };
  const pathOf = (name: string, ...key: string[]) => [
    name in remote && !(name in local) ? "remoteEnvironments" : "environments",
    name,
    ...key,
  ];
  const pathErrors = environments && remoteEnvironments ? promotionPathErrors(all) : [];
  return [
    ...localEnvironmentIssues(local),
    ...remoteEnvironmentIssues(remote, Object.keys(local)),
    ...pathErrors.map(({ environment, key, message }) => issue(pathOf(environment, ...key), message)),
    ...portIssues(all, pathOf, sections),
  ];
}

function localEnvironmentIssues(environments: Sections["environments"]): ConfigIssue[] {
  return Object.keys(environments)
    .filter((name) => environments[name].port === undefined)
    .map((name) => issue(["environments", name, "port"], "missing: write a whole number from 1 to 65535"));
}

function remoteEnvironmentIssues(environments: Sections["remoteEnvironments"], localNames: string[]): ConfigIssue[] {
  const names = Object.keys(environments).sort();
  const issues = names.flatMap((name) => remoteClusterIssues(name, names, environments));
  for (const name of names.filter((remoteName) => localNames.includes(remoteName)))
    issues.push(
      issue(["remoteEnvironments", name], "remove it here or under environments, since only one stack may hold it"),
    );
  if (names.includes(firstEnvironment))
    issues.push(
      issue(
        [localNames.includes(firstEnvironment) ? "environments" : "remoteEnvironments", firstEnvironment],
        "move it to environments, since candidates are tested in the stack of the workflows",
      ),
    );
  return issues;
}

/** A remote cluster belongs to one environment, and needs a URL that the workflows reach. */
function remoteClusterIssues(
  name: string,
  names: string[],
  environments: Sections["remoteEnvironments"],
): ConfigIssue[] {
  const { cluster, url } = environments[name];
  const path = ["remoteEnvironments", name];
  if (!cluster && !url) return [];
  if (!url)
    return [
      issue([...path, "url"], "missing: write the URL at which the workflows reach it, since it is on another cluster"),
    ];
  if (!cluster)
    return [
      issue(
        [...path, "url"],
        "remove it, or write cluster, since the workflows know the URLs on the platform's cluster",
      ),
    ];
  const first = names.find((other) => environments[other].cluster === cluster);
  if (first === name) return [];
  return [
    issue([...path, "cluster"], `${cluster} is the cluster of ${first}: write another for ${name}, ${onePerCluster}`),
  ];
}

/** A port that something is exposed at, and the path of the setting that says so. */
interface UsedPort {
  readonly owner: string;
  readonly port: number;
  readonly path: string[];
}

/**
 * Ports of the local cluster itself. The Services have the addresses of its nodes, so kube-proxy would lead what the
 * nodes ask of each other at these ports to a page. The registry has an address of its own, but its port of this
 * machine is promised.
 */
const localClusterPorts = Object.entries({
  "API server": apiPort,
  mirror: mirrorPort,
  registry: registryPort,
  kubelet: kubeletPort,
  "kube-proxy": kubeProxyPort,
}).map(([name, port]): UsedPort => ({ owner: `the ${name} of the local cluster`, port, path: [] }));

/** The environments, the pages, the gateway and the board share the ports of the platform's cluster. */
function portIssues(
  environments: Record<string, Partial<EnvironmentLocation>>,
  pathOf: (name: string, key: string) => string[],
  { cluster, exposure, gateway, board }: Partial<Sections>,
): ConfigIssue[] {
  const clusterPorts = cluster?.context === localContext ? localClusterPorts : [];
  const environmentPorts = promotionOrder(environments).flatMap((owner): UsedPort[] => {
    const { port, cluster } = environments[owner];
    return port && !cluster ? [{ owner, port, path: pathOf(owner, "port") }] : [];
  });
  const pagePorts = Object.entries(exposure?.ports ?? {}).map(
    ([owner, port]): UsedPort => ({ owner, port, path: ["exposure", "ports", owner] }),
  );
  const gatewayPorts = gateway ? [{ owner: "gateway", port: gateway.port, path: ["gateway", "port"] }] : [];
  const boardPorts = board?.install ? [{ owner: "board", port: board.port, path: ["board", "port"] }] : [];
  return duplicates([...clusterPorts, ...environmentPorts, ...pagePorts, ...gatewayPorts, ...boardPorts], "port");
}

/** The first owner keeps a port; every later one needs another. */
function duplicates(ports: UsedPort[], noun: string): ConfigIssue[] {
  return ports.flatMap(({ owner, port, path }, index) => {
    const first = ports.slice(0, index).find((earlier) => earlier.port === port);
    return first ? [issue(path, `${noun} ${port} is already used by ${first.owner}: write another for ${owner}`)] : [];
  });
}

/** What people open beside the environments, by the names of `exposure.nodePorts`. */
function pagesOf({ ports }: Sections["exposure"], { gateway, board }: Partial<Sections>): string[] {
  return [...Object.keys(ports), ...(gateway ? ["gateway"] : []), ...(board?.install ? ["board"] : [])];
}

/** @param pages what the stack exposes beside its environments */
function exposureIssues(
  exposure: Sections["exposure"],
  environments: Sections["environments"] | undefined,
  pages: string[],
): ConfigIssue[] {
  return [
    ...addressIssues(exposure),
    ...hostIssues(exposure, pages.length > 0),
    ...(exposure.type === "NodePort" ? nodePortIssues(exposure, environments, pages) : unusedNodePortIssues(exposure)),
  ];
}

function addressIssues({ type, addresses }: Sections["exposure"]): ConfigIssue[] {
  const path = ["exposure", "addresses"];
  if (type === "externalIPs" && addresses.length === 0)
    return [issue(path, "missing: write at least one node address, since type externalIPs needs one")];
  if (type !== "externalIPs" && addresses.length > 0)
    return [issue(path, "remove them, or write type: externalIPs, since no other type has addresses")];
  return [];
}

function hostIssues({ type, host }: Sections["exposure"], hasPages: boolean): ConfigIssue[] {
  if (type === "externalIPs" || host) return [];
  const reason = hasPages ? ", since MLflow accepts only the hosts that it knows" : "";
  return [issue(["exposure", "host"], `missing: write the host name or address that people open${reason}`)];
}

/** Only the stack that starts the local cluster opens its ports. */
function listenIssues({ cluster, platform }: Partial<Sections>, hasPlatformElsewhere: boolean): ConfigIssue[] {
  const path = ["exposure", "listen"];
  if (hasPlatformElsewhere)
    return [issue(path, `remove it, since the stack ${platform?.stack ?? "of the platform"} opens the ports`)];
  if (!cluster || cluster.context === localContext) return [];
  return [issue(path, "remove it, since it opens ports of the local cluster, and cluster.context names another")];
}

function unusedNodePortIssues({ nodePorts, portsMapped }: Sections["exposure"]): ConfigIssue[] {
  const remedy = "or write type: NodePort, since no other type has node ports";
  return [
    ...(Object.keys(nodePorts).length > 0 ? [issue(["exposure", "nodePorts"], `remove them, ${remedy}`)] : []),
    ...(portsMapped ? [issue(["exposure", "portsMapped"], `remove it, ${remedy}`)] : []),
  ];
}

function nodePortIssues(
  { nodePorts }: Sections["exposure"],
  environments: Sections["environments"] | undefined,
  pages: string[],
): ConfigIssue[] {
  const pathOf = (name: string) => ["exposure", "nodePorts", name];
  // The order of promotion: Pulumi does not keep the order of the file.
  const owners = [...promotionOrder(environments ?? {}), ...pages];
  const used = owners
    .filter((owner) => owner in nodePorts)
    .map((owner): UsedPort => ({ owner, port: nodePorts[owner], path: pathOf(owner) }));
  const issues = duplicates(used, "node port");
  if (!environments) return issues;
  const missing = owners.filter((owner) => !(owner in nodePorts));
  const unknown = Object.keys(nodePorts).filter((name) => !owners.includes(name));
  return [
    ...issues,
    ...missing.map((owner) => issue(pathOf(owner), "missing: write a node port for it")),
    ...unknown.map((name) => issue(pathOf(name), `remove it, since this stack has no environment ${name}`)),
  ];
}

/** Contour has a GatewayClass of its own; any other implementation's must be named. */
function gatewayClassIssues({ install, className }: NonNullable<Sections["gateway"]>): ConfigIssue[] {
  return [
    ...(install && className
      ? [issue(["gateway", "className"], "remove it, or write install: false, since Contour has a class of its own")]
      : []),
    ...(!install && !className
      ? [issue(["gateway", "className"], "missing: write the GatewayClass of the cluster's implementation")]
      : []),
  ];
}

/** The gateway leads to the last two environments, which this stack must hold. */
function gatewayIssues({ environments, remoteEnvironments }: AllEnvironments): ConfigIssue[] {
  const path = promotionOrder({ ...remoteEnvironments, ...environments });
  const elsewhere = path.slice(-2).filter((name) => name in remoteEnvironments);
  return [
    ...(path.length < 3
      ? [issue(["gateway"], "remove it, or add environments: it splits users between the two that come after staging")]
      : []),
    ...elsewhere.map((name) =>
      issue(["gateway"], `remove it, since it leads to ${name}, and another stack holds that environment`),
    ),
  ];
}

/** Number of answers that a pod must keep for a copy to find its original. */
const leastAnswersKept = 100;

/** Copies come from the gateway, and the last two environments must keep what they answered. */
function mirrorIssues(all: AllEnvironments | undefined, hasGateway: boolean): ConfigIssue[] {
  const pipelinePath = ["pipeline", "canary", "mirrorRequests"];
  if (!hasGateway) return [issue(pipelinePath, "remove it, or add gateway: without it nobody copies a request")];
  if (!all) return [];
  const { environments, remoteEnvironments } = all;
  const path = promotionOrder({ ...remoteEnvironments, ...environments });
  return path
    .slice(-2)
    .filter((name) => environments[name] && environments[name].answersKept < leastAnswersKept)
    .map((name) =>
      issue(
        ["environments", name, "answersKept"],
        `write ${leastAnswersKept} or more, since pipeline.canary.mirrorRequests compares what ${name} answers`,
      ),
    );
}

function monitoringIssues({ install, url }: NonNullable<Sections["monitoring"]>): ConfigIssue[] {
  const path = ["monitoring", "url"];
  if (install && url)
    return [issue(path, "remove it, or write install: false, since the stack's Prometheus has its own")];
  if (!install && !url) return [issue(path, "missing: write the URL at which the workflows reach your own Prometheus")];
  return [];
}

/** A 95th percentile needs at least this many requests. */
const leastRequests = 20;
/** Seconds after which the load gate counts a request as failed. */
const requestSeconds = 10;
/** Seconds that the load gate has for its requests. The rest of its deadline is for the start of its pod. */
const loadSeconds = 840;

function loadIssues({ requests, concurrency }: Sections["pipeline"]["load"]): ConfigIssue[] {
  const path = ["pipeline", "load"];
  if (concurrency > requests)
    return [issue([...path, "concurrency"], `write ${requests} or less, since requests is ${requests}`)];
  // hey gives each of its workers the same whole number of requests.
  const inTurn = Math.floor(requests / concurrency);
  const sent = inTurn * concurrency;
  if (sent < leastRequests) {
    const reason = `${concurrency} at once send only ${sent}, and a 95th percentile needs ${leastRequests}`;
    return [issue([...path, "concurrency"], `write a divisor of ${requests}, the number of requests: ${reason}`)];
  }
  const most = loadSeconds / requestSeconds;
  if (inTurn <= most) return [];
  const reason =
    `with concurrency ${concurrency}, ${inTurn} follow each other, each may take ${requestSeconds} s, ` +
    `and the gate has ${loadSeconds} s`;
  const atOnce = Math.ceil(requests / most);
  const instead = `${most * concurrency} or less, or a concurrency of ${atOnce} or more`;
  return [issue([...path, "requests"], `write ${instead}, not ${requests}: ${reason}`)];
}

/** So many outboxes of 100 messages fit into a ConfigMap: CAPACITY in workflows/lib/outbox.py. */
const mostReceivers = 5;
/** Triggers that a version in canary leads to once users meet it. */
const gatewayTriggers = ["aborted", "withdrawn"];

function notificationIssues(receivers: Sections["pipeline"]["notifications"], hasGateway: boolean): ConfigIssue[] {
  const path = ["pipeline", "notifications"];
  const names = Object.keys(receivers);
  const tooMany = `write at most ${mostReceivers} receivers, not ${names.length}`;
  return [
    ...(names.length > mostReceivers ? [issue(path, tooMany)] : []),
    ...names.flatMap((name) => triggerIssues([...path, name, "triggers"], receivers[name].triggers, hasGateway)),
  ];
}

function triggerIssues(path: string[], triggers: readonly string[], hasGateway: boolean): ConfigIssue[] {
  if (triggers.length === 0) return [issue(path, "empty: write at least one trigger, or remove it to be told of all")];
  // Without the key a receiver is told of all that the stack has.
  if (hasGateway || triggers.length === notificationTriggers.length) return [];
  return triggers.flatMap((trigger, index) =>
    gatewayTriggers.includes(trigger)
      ? [issue([...path, String(index)], `remove ${trigger}, or add gateway: no user meets canary without it`)]
      : [],
  );
}

function registryIssues({ configureNodes, clusterIp }: Sections["registry"]): ConfigIssue[] {
  if (!configureNodes || clusterIp) return [];
  const reason = "since configureNodes writes it to the nodes, which do not resolve cluster names";
  return [issue(["registry", "clusterIp"], `missing: write a fixed IPv4 address, ${reason}`)];
}

/** Keys that describe a store of the stack's owner, and have no meaning for one that the stack installs. */
const ownStoreKeys = {
  database: ["secret", "host", "port", "name", "sslMode"],
  artifacts: ["secret", "bucket", "prefix", "endpoint", "region", "pathStyle"],
} as const;
/** Keys that the address in the Secret has, where `database.host` is left out. */
const addressKeys = ["port", "name", "sslMode"] as const;

/** A store is either installed or described. Several pods of MLflow share no volume. */
function modelRegistryIssues({ replicas, database, artifacts }: Sections["modelRegistry"]): ConfigIssue[] {
  const path = ["modelRegistry"];
  const stores = { database, artifacts };
  const onVolume = (["database", "artifacts"] as const).filter((name) => !stores[name]);
  const shared = `write 1, or add ${onVolume.map((name) => `modelRegistry.${name}`).join(" and ")}`;
  return [
    ...(replicas > 1 && onVolume.length > 0
      ? [issue([...path, "replicas"], `${shared}: pods of MLflow do not share its volume`)]
      : []),
    ...(database ? storeIssues("database", database, ["secret"]) : []),
    ...(database && !database.install && !database.host
      ? addressKeys
          .filter((key) => database[key] !== undefined)
          .map((key) =>
            issue([...path, "database", key], "remove it, or write host: the Secret's uri says it otherwise"),
          )
      : []),
    ...(artifacts ? storeIssues("artifacts", artifacts, ["secret", "bucket"]) : []),
  ];
}

function storeIssues(
  name: keyof typeof ownStoreKeys,
  store: { readonly install: boolean } & Readonly<Record<string, unknown>>,
  required: readonly string[],
): ConfigIssue[] {
  const path = ["modelRegistry", name];
  if (store.install)
    return ownStoreKeys[name]
      .filter((key) => store[key] !== undefined)
      .map((key) =>
        issue([...path, key], "remove it, or write install: false, since the stack's own store needs none"),
      );
  return required
    .filter((key) => store[key] === undefined)
    .map((key) =>
      issue(
        [...path, key],
        key === "secret"
          ? "missing: write the name of a Secret in gourmetgram-platform, or write install: true"
          : "missing: write the name of a bucket that exists, or write install: true",
      ),
    );
}

/** The parts that a stack may leave out, and that it has and installs. */
export function installedParts(sections: Partial<Sections>): OptionalPart[] {
  const installs: Record<OptionalPart, boolean | undefined> = {
    gateway: sections.gateway?.install,
    monitoring: sections.monitoring?.install,
    database: sections.modelRegistry?.database?.install,
    artifacts: sections.modelRegistry?.artifacts?.install,
  };
  return optionalParts.filter((part) => installs[part]);
}

/** Every image that the stack runs needs a digest. */
function digestIssues({ build, mirror, overrides }: Sections["images"], sections: Partial<Sections>): ConfigIssue[] {
  const chosen = overrides as Partial<Record<ImageKey, ImageOverride>>;
  const images = resolveImages(chosen, mirror);
  const missing = (key: ImageKey, message: string) =>
    issue(["images", "overrides", key, "digest"], `missing: write the digest ${message}`);

  const retagged = imageKeys.filter((key) => catalogue[key].digest && chosen[key]?.tag && !chosen[key].digest);
  const notBuilt = build ? [] : neededImages(sections.board?.install ?? true).filter((key) => !images[key].digest);
  return [
    ...retagged.map((key) =>
      missing(key, `of ${chosen[key]!.tag}, since the catalogue has the digest of ${catalogue[key].tag}`),
    ),
    ...unpinnedImages(images, installedParts(sections)).map((key) =>
      issue(
        ["images", "overrides", key, "digest"],
        "missing: run `npm run images -- pin`, which looks it up, or write it here",
      ),
    ),
    ...notBuilt.map((key) => missing(key, "that `npm run images -- push` printed, or write images.build: true")),
  ];
}
