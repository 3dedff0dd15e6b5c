import { dump } from "js-yaml";
import { parseListen, type StackFile, settingsOf } from "../config";
import { isRecord, type Properties } from "../lib/record";
import { loopback, openHosts, type RecordedListen } from "../local/cluster/listen";
import { registryIp } from "../local/cluster/network";

/** The values of the local cluster that only this machine knows. */
export interface LocalValues {
  kubeconfig: string;
  /** Addresses of the nodes, at each of which the exposed Services answer. */
  nodeAddresses: string[];
  /** Paths of the install manifests; those of Argo CD and Contour hold the CRDs. */
  manifests: { argoWorkflows: string; argoCd: string; contour: string };
  /** The third-party images that were built here, by their key in the catalogue. */
  images: Record<string, { repository: string; tag: string; digest: string }>;
  /** What is open beside 127.0.0.1 by a flag, or, for a stack that has only environments, in any way. */
  listen?: RecordedListen;
  /** Addresses under which other machines reach this one. */
  addresses: readonly string[];
  /** Port of MLflow on this machine, once it is chosen. */
  mlflowPort?: number;
}

/**
 * A stack file with the local cluster's values added: its kubeconfig, its images, its manifests, and Services on the
 * nodes' addresses. Other values of these sections stay, unless they would not work here. A stack that has only
 * environments gets no images or manifests.
 */
export function localStack(file: StackFile, local: LocalValues): StackFile {
  const settings = settingsOf(file);
  const changed = (name: string, change: (section: Properties) => Properties) => {
    const section = name in settings ? settings[name] : {};
    // A section that is not a mapping stays as it is, so that the check of the settings names it.
    return { [`gourmetgram:${name}`]: isRecord(section) ? change(section) : section };
  };
  const isElsewhere = "platform" in settings;
  const platform = () => ({
    ...changed("modelRegistry", (section) => withMlflowHosts(section, settings.exposure, local)),
    ...changed("images", ({ mirror: _mirror, ...section }) => ({
      ...section,
      build: true,
      overrides: { ...local.images, ...(section.overrides as object | undefined) },
    })),
    ...changed("registry", (section) => ({ ...section, clusterIp: registryIp })),
    ...changed("argoWorkflows", (section) => ({ ...section, manifests: local.manifests.argoWorkflows })),
    ...changed("argoCd", (section) => ({ ...section, manifests: local.manifests.argoCd, crds: [] })),
    ...("gateway" in settings
      ? changed("gateway", (section) => ({ ...section, manifests: [local.manifests.contour] }))
      : {}),
  });
  return {
    ...file,
    config: {
      ...file.config,
      ...changed("cluster", (section) => ({ ...section, kubeconfig: local.kubeconfig })),
      ...(isElsewhere ? {} : platform()),
      // The addresses and node ports are those of the exposure type that is replaced.
      ...changed("exposure", ({ nodePorts: _nodePorts, portsMapped: _portsMapped, ...section }) => ({
        ...section,
        type: "externalIPs",
        addresses: local.nodeAddresses,
        ...openTo(section, local, isElsewhere),
      })),
    },
  };
}

/** What is open beside 127.0.0.1. A flag is stronger than the stack file. Undefined if it is nothing, or not valid. */
function chosenListen(section: unknown, { listen: recorded }: LocalValues, isElsewhere: boolean) {
  const ofFile = isRecord(section) ? parseListen(section.listen) : undefined;
  const chosen = recorded && (recorded.byFlag || isElsewhere) ? recorded.listen : ofFile;
  return chosen?.address === loopback ? undefined : chosen;
}

/** MLflow compares the port too, and its port is another one if a program of this machine holds the usual one. */
function withMlflowHosts(section: Properties, exposure: unknown, local: LocalValues): Properties {
  const listen = chosenListen(exposure, local, false);
  const { hosts = [] } = section;
  // Browsers leave out the port of the scheme.
  if (!listen || !local.mlflowPort || local.mlflowPort === 80 || !Array.isArray(hosts)) return section;
  const here = openHosts(listen, local.addresses).map((host) => `${host}:${local.mlflowPort}`);
  return { ...section, hosts: [...hosts, ...here.filter((host) => !hosts.includes(host))] };
}

/** The hosts that people open. A value that is not valid stays as it is, so that the check of the settings names it. */
function openTo(section: Properties, local: LocalValues, isElsewhere: boolean): Properties {
  const listen = chosenListen(section, local, isElsewhere);
  if (!listen) {
    const isOverruled = local.listen?.byFlag || parseListen(section.listen)?.address === loopback;
    return { host: loopback, ...(isOverruled ? { listen: undefined } : {}) };
  }
  const hosts = openHosts(listen, local.addresses);
  return {
    // If the pages are not open, the links on them are for this machine.
    host: listen.only ? loopback : (hosts[0] ?? loopback),
    ...(isElsewhere ? {} : { listen: { ...listen, hosts } }),
  };
}

/** The text of a generated stack file. */
export function renderStack(file: StackFile): string {
  const comment = "# Generated by npm start from the stack file of the repository; changes here are lost.";
  return `${comment}\n${dump(file, { lineWidth: -1 })}`;
}
