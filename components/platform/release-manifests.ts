import { readFile } from "node:fs/promises";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";

/** A Kubernetes object as a release manifest states it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a manifest is open by nature
  [field: string]: any;
}

/**
 * Reads a release manifest from a URL or a path.
 * @throws when it can't be had or holds no object; the message names the source
 */
export async function loadManifests(source: string): Promise<Manifest[]> {
  const text = /^https?:\/\//.test(source)
    ? await download(source)
    : await readFile(source, "utf8").catch(unreadable(source));
  const objects = parse(text).filter((object) => object !== null);
  if (objects.length === 0 || objects.some((object) => !object.kind))
    throw new Error(`${source} holds no Kubernetes objects: name a release manifest`);
  return objects;
}

const workloads = ["Deployment", "StatefulSet", "DaemonSet", "Job"];
const clusterScoped = ["CustomResourceDefinition", "PriorityClass", "ClusterRole", "ClusterRoleBinding", "Namespace"];

/**
 * A release manifest as this program installs it: in one namespace, its workloads under the restricted
 * standard, with the catalogue's images, and with a memory limit of 1Gi where the release sets none.
 * @param image what a container runs instead of the image that the release names
 * @throws when a container's image has no replacement, so that none slips past the catalogue
 */
export function adoptManifests(
  manifests: Manifest[],
  namespace: string,
  image: (released: string) => string | undefined,
): Manifest[] {
  return manifests.map((released) => {
    const object = structuredClone(released);
    if (!clusterScoped.includes(object.kind)) object.metadata.namespace = namespace;
    for (const subject of object.kind.endsWith("RoleBinding") ? (object.subjects ?? []) : [])
      if (subject.kind === "ServiceAccount") subject.namespace = namespace;
    if (!workloads.includes(object.kind)) return object;
    const pod = object.spec.template.spec;
    pod.securityContext = { seccompProfile: { type: "RuntimeDefault" }, ...pod.securityContext, runAsNonRoot: true };
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      const replacement = image(container.image);
      if (!replacement)
        throw new Error(
          `${object.kind} ${object.metadata.name} runs ${container.image}, which the catalogue lacks: add it to images/catalogue.ts`,
        );
      container.image = replacement;
      container.securityContext = {
        ...container.securityContext,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      };
      container.resources = withMemory(container.resources);
    }
    return object;
  });
}

/** The release's own values stay. A limit alone would be the request too, and reserve all of it. */
function withMemory({ requests, limits, ...others }: Manifest["resources"] = {}) {
  return { ...others, requests: { memory: "64Mi", ...requests }, limits: { memory: "1Gi", ...limits } };
}

/** Finds one object to change. @throws when the release no longer has it */
export function find(manifests: Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found)
    throw new Error(`the release manifest has no ${kind} ${name}: check its version in the stack's configuration`);
  return found;
}

/** Installs a release's objects as children of `parent`. The output resolves when all of them are there. */
export function installManifests(
  name: string,
  objects: Manifest[],
  parent: pulumi.Resource,
  dependsOn: pulumi.Resource,
): pulumi.Output<pulumi.Resource[]> {
  const group = new k8s.yaml.ConfigGroup(name, { objs: objects }, { parent, dependsOn });
  return group.resources.apply((resources) => Object.values(resources) as pulumi.Resource[]);
}

/** What isn't YAML at all holds no object either. */
function parse(text: string): Manifest[] {
  try {
    return yaml.loadAll(text) as Manifest[];
  } catch {
    return [];
  }
}

async function download(url: string): Promise<string> {
  const response = await fetch(url).catch((error: Error) => {
    throw new Error(
      `can't download ${url} (${(error.cause as Error | undefined)?.message ?? error.message}): name a local copy in the stack's configuration`,
    );
  });
  if (!response.ok)
    throw new Error(`can't download ${url} (HTTP ${response.status}): name a local copy in the stack's configuration`);
  return response.text();
}

function unreadable(source: string) {
  return (error: Error): never => {
    throw new Error(`can't read the manifest ${source} (${error.message}): mend its path in the stack's configuration`);
  };
}
