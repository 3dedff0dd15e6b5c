/** What is wrong between settings that are right by themselves. */
import { isDeepStrictEqual } from "node:util";
import {
  builtImageKeys,
  catalogue,
  type ImageKey,
  type ImageOverride,
  imageKeys,
  resolveImages,
  unpinnedImages,
} from "../images/catalogue";
import { type EnvironmentLocation, firstEnvironment, promotionOrder, promotionPathErrors } from "./promotion-path";
import { type Sections, schema } from "./schema";

/** Where a mistake stands, and what to write instead. */
export interface Mistake {
  path: string[];
  message: string;
}

/**
 * Compares the sections of a stack's configuration with each other and within.
 * @param sections those that are right by themselves; what a comparison needs of the others is not compared
 * @param given names of the sections that the stack file has, right or wrong
 */
export function crossFieldChecks(sections: Partial<Sections>, given: readonly string[]): Mistake[] {
  const { environments, exposure, pipeline, registry, images } = sections;
  return [
    ...(given.includes("platform")
      ? ofThePlatform(sections, given)
      : [...places(sections), ...(images ? digests(images) : [])]),
    ...(exposure ? exposures(exposure, environments, !given.includes("platform")) : []),
    ...(pipeline ? load(pipeline.load) : []),
    ...(registry?.configureNodes && !registry.clusterIp
      ? [
          {
            path: ["registry", "clusterIp"],
            message:
              "missing: write a fixed address, since configureNodes tells it to nodes that resolve no cluster names",
          },
        ]
      : []),
  ];
}

/** Sections of a stack whose platform another one holds. */
const withPlatform = ["cluster", "platform", "exposure", "environments"];

/** What the platform's stack says is said there alone. */
function ofThePlatform(
  { cluster, platform, environments = {} }: Partial<Sections>,
  given: readonly string[],
): Mistake[] {
  const there = platform ? `the stack ${platform.stack} says it` : "the platform's stack says it";
  const sections = given.filter((section) => section in schema.shape && !withPlatform.includes(section));
  const keys = Object.entries(environments).flatMap(([name, { port, promotesFrom }]) => [
    ...(port === undefined ? [] : [["environments", name, "port"]]),
    ...(promotesFrom === undefined ? [] : [["environments", name, "promotesFrom"]]),
  ]);
  return [
    ...[...sections.map((section) => [section]), ...keys].map((path) => ({
      path,
      message: `leave it out, or remove platform, since ${there}`,
    })),
    ...(platform ? twoClusters(platform, cluster, Object.keys(environments)) : []),
  ];
}

/** A stack on another cluster than its platform's says where both are, and holds one environment. */
function twoClusters(
  { cluster, apiServer }: NonNullable<Sections["platform"]>,
  own: Sections["cluster"] | undefined,
  environments: string[],
): Mistake[] {
  const mistake = (key: string, message: string) => [{ path: ["platform", key], message }];
  if (!cluster)
    return apiServer
      ? mistake("cluster", "missing: write the platform's, since apiServer says that this stack's is another one")
      : [];
  return [
    ...(apiServer
      ? []
      : mistake(
          "apiServer",
          "missing: write where Argo CD reaches this stack's cluster, since it is not the platform's",
        )),
    ...(isDeepStrictEqual(cluster, own)
      ? mistake("cluster", "correct it, or leave it and apiServer out, since it is this stack's own cluster")
      : []),
    ...environments
      .sort()
      .slice(1)
      .map((name) => ({
        path: ["environments", name],
        message: "write it in a stack of its own, since Argo CD needs another cluster for it",
      })),
  ];
}

/** Where the environments are, and how they follow on one another. */
function places({ environments, remoteEnvironments, exposure }: Partial<Sections>): Mistake[] {
  const all: Record<string, Partial<EnvironmentLocation>> = { ...remoteEnvironments, ...environments };
  const at = (name: string, ...key: string[]) => [
    name in (remoteEnvironments ?? {}) && !(name in (environments ?? {})) ? "remoteEnvironments" : "environments",
    name,
    ...key,
  ];
  const portless = Object.keys(environments ?? {}).filter((name) => all[name].port === undefined);
  const twice = Object.keys(remoteEnvironments ?? {}).filter((name) => name in (environments ?? {}));
  return [
    ...portless.map((name) => ({ path: at(name, "port"), message: "missing: write a whole number from 1 to 65535" })),
    ...twice.map((name) => ({
      path: ["remoteEnvironments", name],
      message: "remove it here, or under environments, since one stack holds it",
    })),
    ...(firstEnvironment in (remoteEnvironments ?? {})
      ? [
          {
            path: at(firstEnvironment),
            message: "write it under environments, since candidates are tested where the workflows run",
          },
        ]
      : []),
    ...otherClusters(remoteEnvironments ?? {}),
    ...(environments && remoteEnvironments
      ? promotionPathErrors(all).map(({ environment, key, message }) => ({ path: at(environment, ...key), message }))
      : []),
    ...samePorts(all, at, exposure),
  ];
}

function otherClusters(environments: Sections["remoteEnvironments"]): Mistake[] {
  return Object.keys(environments)
    .sort()
    .flatMap((name) => {
      const { cluster, url } = environments[name];
      const mistake = (key: string, message: string) => [{ path: ["remoteEnvironments", name, key], message }];
      if (cluster && !url)
        return mistake("url", "missing: write where the workflows reach it, since it is on a cluster of its own");
      if (url && !cluster)
        return mistake("url", "leave it out, or name its cluster, since on the platform's the workflows know the way");
      const first = Object.keys(environments)
        .sort()
        .find((other) => environments[other].cluster === cluster);
      return cluster && first !== name
        ? mistake("cluster", `${cluster} is the cluster of ${first}: Argo CD needs another one for ${name}`)
        : [];
    });
}

function samePorts(
  environments: Record<string, Partial<EnvironmentLocation>>,
  at: (name: string, key: string) => string[],
  exposure?: Sections["exposure"],
): Mistake[] {
  const served = promotionOrder(environments).flatMap((owner) =>
    environments[owner].port && !environments[owner].cluster
      ? [{ owner, port: environments[owner].port, path: at(owner, "port") }]
      : [],
  );
  const pages = Object.entries(exposure?.ports ?? {}).map(([owner, port]) => ({
    owner,
    port,
    path: ["exposure", "ports", owner],
  }));
  return repeated([...served, ...pages], "port");
}

/** A later owner of a port gives way to the first one. */
function repeated(ports: { owner: string; port: number; path: string[] }[], noun: string): Mistake[] {
  return ports.flatMap(({ owner, port, path }, index) => {
    const first = ports.slice(0, index).find((other) => other.port === port);
    return first ? [{ path, message: `${noun} ${port} is taken by ${first.owner}: give ${owner} another one` }] : [];
  });
}

/** @param pages whether the stack exposes the three pages too */
function exposures(
  { type, addresses, host, ports, nodePorts }: Sections["exposure"],
  environments: Sections["environments"] | undefined,
  pages: boolean,
): Mistake[] {
  const found: Mistake[] = [];
  const mistake = (key: string[], message: string) => found.push({ path: ["exposure", ...key], message });

  if (type === "externalIPs" && addresses.length === 0)
    mistake(["addresses"], "missing: write at least one node address, since externalIPs needs it");
  if (type !== "externalIPs" && addresses.length > 0)
    mistake(["addresses"], "leave them out, or write type: externalIPs, since no other type has addresses");
  if (type !== "externalIPs" && !host)
    mistake(
      ["host"],
      `missing: write the host name or address that people open${pages ? ", since MLflow answers to no other" : ""}`,
    );
  if (type !== "NodePort") {
    if (Object.keys(nodePorts).length > 0)
      mistake(["nodePorts"], "leave them out, or write type: NodePort, since no other type has node ports");
    return found;
  }
  // In an order of their own, not in that of the file, which Pulumi doesn't keep.
  const owners = [...promotionOrder(environments ?? {}), ...(pages ? Object.keys(ports) : [])];
  if (environments) {
    for (const name of owners)
      if (!(name in nodePorts)) mistake(["nodePorts", name], "missing: write a node port for it");
    for (const name of Object.keys(nodePorts))
      if (!owners.includes(name))
        mistake(["nodePorts", name], `remove it, since this stack has no environment ${name}`);
  }
  const taken = owners
    .filter((owner) => owner in nodePorts)
    .map((owner) => ({ owner, port: nodePorts[owner], path: ["exposure", "nodePorts", owner] }));
  return [...found, ...repeated(taken, "node port")];
}

function load({ requests, concurrency }: Sections["pipeline"]["load"]): Mistake[] {
  const path = ["pipeline", "load", "concurrency"];
  if (concurrency > requests)
    return [{ path, message: `write ${requests} or less, since there are no more requests in all` }];
  // hey gives each of its workers the same whole number of requests.
  const sent = Math.floor(requests / concurrency) * concurrency;
  return sent < 20
    ? [
        {
          path,
          message: `write a divisor of the ${requests} requests: ${concurrency} at once send only ${sent}, and under 20 there is no 95th percentile`,
        },
      ]
    : [];
}

function digests({ build, mirror, overrides }: Sections["images"]): Mistake[] {
  const chosen = overrides as Partial<Record<ImageKey, ImageOverride>>;
  const images = resolveImages(chosen, mirror);
  const lacking = (key: string, message: string) => ({
    path: ["images", "overrides", key, "digest"],
    message: `missing: ${message}`,
  });
  const moved = imageKeys.filter((key) => catalogue[key].digest && chosen[key]?.tag && !chosen[key].digest);
  return [
    ...moved.map((key) =>
      lacking(key, `write that of ${chosen[key]!.tag}, since the catalogue's is that of ${catalogue[key].tag}`),
    ),
    ...unpinnedImages(images).map((key) => lacking(key, "write the one that `npm run images -- pin` prints")),
    ...(build ? [] : builtImageKeys.filter((key) => !images[key].digest)).map((key) =>
      lacking(key, "write the one that `npm run images -- push` printed, or images.build: true"),
    ),
  ];
}
