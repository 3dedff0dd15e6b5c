/** What is wrong between settings that are right by themselves. */
import { catalogue, ImageKey, imageKeys, ImageOverride, ownImageKeys, resolveImages, unpinnedImages } from "./images/catalogue";
import { brokenChain, promotionOrder } from "./promotion-order";
import type { Sections } from "./settings";

/** Where a mistake stands, and what to write instead. */
export interface Mistake {
  path: string[];
  message: string;
}

/**
 * Compares the sections of a stack's configuration with each other and within.
 * @param sections those that are right by themselves; what a comparison needs of the others is not compared
 */
export function contradictions({ environments, exposure, pipeline, registry, images }: Partial<Sections>): Mistake[] {
  return [
    ...samePorts(environments, exposure),
    ...(environments ? brokenChain(environments) : []),
    ...(exposure ? exposures(exposure, environments) : []),
    ...(pipeline ? load(pipeline.load) : []),
    ...(registry?.configureNodes && !registry.clusterIp
      ? [{ path: ["registry", "clusterIp"], message: "missing: write a fixed address, since configureNodes tells it to nodes that resolve no cluster names" }]
      : []),
    ...(images ? digests(images) : []),
  ];
}

function samePorts(environments: Sections["environments"] = {}, exposure?: Sections["exposure"]): Mistake[] {
  const served = promotionOrder(environments).map((owner) => ({ owner, port: environments[owner].port, path: ["environments", owner, "port"] }));
  const pages = Object.entries(exposure?.ports ?? {}).map(([owner, port]) => ({ owner, port, path: ["exposure", "ports", owner] }));
  return repeated([...served, ...pages], "port");
}

/** A later owner of a port gives way to the first one. */
function repeated(ports: { owner: string; port: number; path: string[] }[], noun: string): Mistake[] {
  return ports.flatMap(({ owner, port, path }, index) => {
    const first = ports.slice(0, index).find((other) => other.port === port);
    return first ? [{ path, message: `${noun} ${port} is taken by ${first.owner}: give ${owner} another one` }] : [];
  });
}

function exposures({ type, addresses, host, ports, nodePorts }: Sections["exposure"], environments?: Sections["environments"]): Mistake[] {
  const found: Mistake[] = [];
  const mistake = (key: string[], message: string) => found.push({ path: ["exposure", ...key], message });

  if (type === "externalIPs" && addresses.length === 0) mistake(["addresses"], "missing: write at least one node address, since externalIPs needs it");
  if (type !== "externalIPs" && addresses.length > 0) mistake(["addresses"], "leave them out, or write type: externalIPs, since no other type has addresses");
  if (type !== "externalIPs" && !host) mistake(["host"], "missing: write the host name or address that people open, since MLflow answers to no other");
  if (type !== "NodePort") {
    if (Object.keys(nodePorts).length > 0) mistake(["nodePorts"], "leave them out, or write type: NodePort, since no other type has node ports");
    return found;
  }
  // In an order of their own, not in that of the file, which Pulumi doesn't keep.
  const owners = [...promotionOrder(environments ?? {}), ...Object.keys(ports)];
  if (environments) {
    for (const name of owners) if (!(name in nodePorts)) mistake(["nodePorts", name], "missing: write a node port for it");
    for (const name of Object.keys(nodePorts)) if (!owners.includes(name)) mistake(["nodePorts", name], `remove it, since this stack has no environment ${name}`);
  }
  const taken = owners.filter((owner) => owner in nodePorts).map((owner) => ({ owner, port: nodePorts[owner], path: ["exposure", "nodePorts", owner] }));
  return [...found, ...repeated(taken, "node port")];
}

function load({ requests, concurrency }: Sections["pipeline"]["load"]): Mistake[] {
  const path = ["pipeline", "load", "concurrency"];
  if (concurrency > requests) return [{ path, message: `write ${requests} or less, since there are no more requests in all` }];
  // hey gives each of its workers the same whole number of requests.
  const sent = Math.floor(requests / concurrency) * concurrency;
  return sent < 20 ? [{ path, message: `write a divisor of the ${requests} requests: ${concurrency} at once send only ${sent}, and under 20 there is no 95th percentile` }] : [];
}

function digests({ build, mirror, overrides }: Sections["images"]): Mistake[] {
  const chosen = overrides as Partial<Record<ImageKey, ImageOverride>>;
  const images = resolveImages(chosen, mirror);
  const lacking = (key: string, message: string) => ({ path: ["images", "overrides", key, "digest"], message: `missing: ${message}` });
  const moved = imageKeys.filter((key) => catalogue[key].digest && chosen[key]?.tag && !chosen[key].digest);
  return [
    ...moved.map((key) => lacking(key, `write that of ${chosen[key]!.tag}, since the catalogue's is that of ${catalogue[key].tag}`)),
    ...unpinnedImages(images).map((key) => lacking(key, "write the one that `npm run images -- pin` prints")),
    ...(build ? [] : ownImageKeys.filter((key) => !images[key].digest)).map((key) => lacking(key, "write the one that `npm run images -- push` printed, or images.build: true")),
  ];
}
