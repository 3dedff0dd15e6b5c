import { readFile } from "node:fs/promises";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";
import { pinnedManifests, type Settings } from "../../config";
import { DownloadError, downloadText } from "../../lib/download";
import { readPins } from "../../lib/pins";
import { manifestHashesPath } from "./manifest-pins";

/** A Kubernetes object of a release manifest. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a manifest is open by nature
  [field: string]: any;
}

/**
 * Reads a release manifest from a URL or a path.
 * @param hashes what the content of a URL must have. One that is not in it is taken unchecked, with a notice
 * @throws if it cannot be read, has another hash or contains no object; the message names the source
 */
export async function loadManifests(
  source: string,
  hashes = readPins(manifestHashesPath),
  notice: (text: string) => void = (text) => void pulumi.log.warn(text),
): Promise<Manifest[]> {
  const text = /^https?:\/\//.test(source)
    ? await download(source, hashes[source]?.hash, notice)
    : await readFile(source, "utf8").catch(unreadable(source));
  const objects = parse(text).filter((object) => object !== null);
  if (objects.length === 0 || objects.some((object) => !object.kind))
    throw new Error(`${source} contains no Kubernetes objects: write the URL or path of a release manifest`);
  return objects;
}

/** The release manifests of the parts that a stack installs; none of a part that it does not. */
export async function loadReleases({ argoWorkflows, argoCd, gateway }: Settings) {
  const load = async (sources: string[]) => (await Promise.all(sources.map((source) => loadManifests(source)))).flat();
  return {
    argoWorkflows: await load(argoWorkflows.install ? [argoWorkflows.manifests] : []),
    argoCd: await load(argoCd.install ? [...argoCd.crds, argoCd.manifests] : []),
    gateway: await load(gateway?.install ? gateway.manifests : []),
  };
}

const workloads = ["Deployment", "StatefulSet", "DaemonSet", "Job"];
/** A Service has endpoints when its workload is ready, which is waited for. */
const notAwaited = { "pulumi.com/skipAwait": "true" };
const clusterScoped = ["CustomResourceDefinition", "PriorityClass", "ClusterRole", "ClusterRoleBinding", "Namespace"];

/**
 * A release manifest as this program installs it. All objects are in one namespace. The workloads meet the restricted
 * pod security standard and run the catalogue's images. Containers without a memory limit get 1Gi.
 * @param image maps the image that the release names to the one that the container runs
 * @throws if an image has no replacement, so that every image is in the catalogue
 */
export function adoptManifests(
  manifests: Manifest[],
  namespace: string,
  image: (released: string) => string | undefined,
): Manifest[] {
  return manifests.map((released) => {
    const object = structuredClone(released);
    if (!clusterScoped.includes(object.kind)) object.metadata.namespace = namespace;
    if (object.kind.endsWith("RoleBinding")) moveSubjects(object, namespace);
    if (object.kind === "Service") object.metadata.annotations = { ...object.metadata.annotations, ...notAwaited };
    if (workloads.includes(object.kind)) adoptPod(object, image);
    return object;
  });
}

/** The ServiceAccounts of a release are in the namespace that it is installed to. */
function moveSubjects(binding: Manifest, namespace: string) {
  for (const subject of binding.subjects ?? []) if (subject.kind === "ServiceAccount") subject.namespace = namespace;
}

function adoptPod(workload: Manifest, image: (released: string) => string | undefined) {
  const pod = workload.spec.template.spec;
  pod.securityContext = { seccompProfile: { type: "RuntimeDefault" }, ...pod.securityContext, runAsNonRoot: true };
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    const replacement = image(container.image);
    if (!replacement)
      throw new Error(
        `${workload.kind} ${workload.metadata.name} runs ${container.image}, which is not in the catalogue: ` +
          "add it to images/catalogue.ts",
      );
    container.image = replacement;
    container.securityContext = {
      ...container.securityContext,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    };
    container.resources = withMemory(container.resources);
  }
}

/** Keeps the values of the release. Without a request, Kubernetes would reserve the whole limit. */
function withMemory({ requests, limits, ...others }: Manifest["resources"] = {}) {
  return { ...others, requests: { memory: "64Mi", ...requests }, limits: { memory: "1Gi", ...limits } };
}

/**
 * Finds one object to change.
 * @throws if the release no longer has it
 */
export function find(manifests: Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found)
    throw new Error(`the release manifest has no ${kind} ${name}: check its version in the stack's configuration`);
  return found;
}

/**
 * Installs the objects of a release as children of `parent`, in stages: what no pod runs, the Jobs, the workload
 * `first`, the other workloads. Pulumi works on four objects per processor at a time, and one that is not ready keeps
 * its place. So no workload may wait for an object of a later stage, or for another one of its own.
 * @returns all of them, when the last one is ready
 */
export function installManifests(
  name: string,
  objects: Manifest[],
  parent: pulumi.Resource,
  dependsOn: pulumi.Input<pulumi.Resource[]>,
  first?: string,
): pulumi.Output<pulumi.Resource[]> {
  const stageOf = ({ kind, metadata }: Manifest) => {
    if (!workloads.includes(kind)) return name;
    if (kind === "Job") return `${name}-jobs`;
    return metadata.name === first ? `${name}-${first}` : `${name}-workloads`;
  };
  const stages = [name, `${name}-jobs`, `${name}-${first}`, `${name}-workloads`];
  let installed = pulumi.output(dependsOn);
  for (const stage of stages) {
    const objs = objects.filter((object) => stageOf(object) === stage);
    if (objs.length === 0) continue;
    const group = new k8s.yaml.ConfigGroup(stage, { objs }, { parent, dependsOn: installed });
    installed = pulumi
      .all([installed, group.resources])
      .apply(([before, resources]) => [...before, ...(Object.values(resources) as pulumi.Resource[])]);
  }
  return installed;
}

/** A text that is not YAML contains no object. */
function parse(text: string): Manifest[] {
  try {
    return yaml.loadAll(text) as Manifest[];
  } catch {
    return [];
  }
}

/** A file of one release never changes, so a URL of which a hash is known has no other content. */
async function download(url: string, hash: string | undefined, notice: (text: string) => void): Promise<string> {
  const localCopy = "write the path of a local copy in the stack's configuration";
  if (!hash) {
    const remedy = Object.values(pinnedManifests).flat().includes(url) ? "run `npm run toolchain -- pin`" : localCopy;
    notice(`No hash of ${url} is known, so it is taken unchecked: ${remedy}`);
  }
  return downloadText(url, hash).catch((error) => {
    if (!(error instanceof DownloadError)) throw error;
    throw new Error(`cannot download ${url} (${error.message}): ${localCopy}`);
  });
}

function unreadable(source: string) {
  return (error: Error): never => {
    throw new Error(
      `cannot read the manifest ${source} (${error.message}): correct its path in the stack's configuration`,
    );
  };
}
