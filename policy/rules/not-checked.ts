import { isJudged, isWorkflow } from "../pods";
import { type KubernetesObject, type Resource, titleOf } from "../resource";

/** Resources that install objects which Pulumi does not list one by one. */
const installers: Record<string, string> = {
  "kubernetes:helm.sh/v3:Release": "Helm renders its objects in the cluster",
  "kubernetes:helm.sh/v4:Release": "Helm renders its objects in the cluster",
};
/** Objects whose controller creates pods from somewhere else. */
const controllers: Record<string, string> = {
  HelmRelease: "a controller renders its chart in the cluster",
  HelmChart: "a controller renders its chart in the cluster",
  HelmChartConfig: "a controller renders its chart in the cluster",
};

/**
 * What the pack cannot judge, one message each: installers, objects of kinds that it does not know and that hold pods,
 * and rights that are known only in the cluster.
 */
export function notChecked({ type, ...resource }: Resource & { readonly type: string }): string[] {
  const { object } = resource;
  if (installers[type]) return [message(`${type.split(":").at(-1)} ${resource.name}`, installers[type])];
  if (!object.kind) return [];
  return reasons(resource).map((reason) => message(titleOf(resource), reason));
}

const message = (title: string, reason: string): string =>
  `${title} is not checked: ${reason}. Review it yourself, or declare its objects in the program`;

function reasons({ object }: Resource): string[] {
  if (controllers[object.kind]) return [controllers[object.kind]];
  if (object.kind === "Kustomization" && String(object.apiVersion).startsWith("kustomize.toolkit.fluxcd.io/"))
    return ["a controller applies its files in the cluster"];
  if (object.kind === "Application" && sourcesOf(object).some(({ chart, helm }) => chart || helm))
    return ["Argo CD renders its chart in the cluster"];
  if (object.kind === "ClusterRole" && object.aggregationRule) return ["the cluster adds rules to it by their labels"];
  if (isWorkflow(object.kind)) return patched(object);
  if (isJudged(object.kind)) return [];
  const path = podPath(object);
  return path ? [`the policies do not know its kind, and ${path} holds containers`] : [];
}

const sourcesOf = ({ spec }: KubernetesObject): { chart?: unknown; helm?: unknown }[] =>
  [spec?.source, ...(spec?.sources ?? [])].filter(Boolean);

/** A workflow may change its pods with a patch in a text. */
function patched({ spec }: KubernetesObject): string[] {
  const workflow = spec?.workflowSpec ?? spec;
  const patches = [workflow?.podSpecPatch, ...(workflow?.templates ?? []).map(podSpecPatchOf)].filter(Boolean);
  return patches.length > 0 ? ["its podSpecPatch changes its pods"] : [];
}

const podSpecPatchOf = ({ podSpecPatch }: { podSpecPatch?: string }) => podSpecPatch;

/** Where an object of any kind holds containers: `spec.template.spec`. */
function podPath(value: unknown, path: readonly string[] = []): string | undefined {
  if (!value || typeof value !== "object") return undefined;
  const entries = Object.entries(value);
  const holds = ([key, inner]: [string, unknown]) =>
    /^(initC|ephemeralC|c)ontainers$/.test(key) && Array.isArray(inner) && inner.some((item) => item?.image);
  if (!Array.isArray(value) && entries.some(holds)) return path.join(".") || "it";
  for (const [key, inner] of entries) {
    const found = podPath(inner, [...path, key]);
    if (found) return found;
  }
  return undefined;
}

/** Components that read objects from files or charts, and declare them as children. Those are checked one by one. */
const readers = /^kubernetes:(yaml(\/v2)?:Config(File|Group)|helm\.sh\/v\d:Chart|kustomize(\/v2)?:Directory)$/;

interface StackResource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly parent?: { readonly urn: string };
}

/** The components that declared no object: its files are known only after the update. */
export function emptyInstallers(resources: readonly StackResource[]): { message: string; urn: string }[] {
  const parents = new Set(resources.map(({ parent }) => parent?.urn));
  return resources
    .filter(({ type, urn }) => readers.test(type) && !parents.has(urn))
    .map(({ type, name, urn }) => ({
      message: message(`${type.split(":").at(-1)} ${name}`, "it lists no objects yet"),
      urn,
    }));
}
