/** What a change of an object's inputs means: which properties change, and whether in place. */

import { differences, pathText } from "./differences";
import { connection } from "./kube-config";
import { groupOf } from "./kube-discovery";
import type { Change, Diff } from "./protocol";
import { hasUnknowns, type Properties, record, text } from "./values";

/** What of the provider's settings and the namespaces' defaults decides about a replacement. */
export interface DiffRules {
  configMapMutable: boolean;
  secretMutable: boolean;
  /** Namespace of objects that name none; empty for the objects of kinds without namespaces. */
  defaultNamespace: string;
}

const podParts = ["activeDeadlineSeconds", "tolerations"];
const volumeSources = ["awsElasticBlockStore", "csi", "fc", "hostPath", "iscsi", "local", "nfs"];

/** Properties that the API server never changes, by group and kind; a trailing part of a path is included. */
const immutable: Record<string, string[]> = {
  "/PersistentVolume": [...volumeSources.map((source) => `spec.${source}`), "spec.nodeAffinity", "spec.volumeMode"],
  "/PersistentVolumeClaim": ["spec"],
  "/Pod": ["spec"],
  "/ResourceQuota": ["spec.scopes"],
  "/Secret": ["type"],
  "/Service": ["spec.clusterIP"],
  "apiextensions.k8s.io/CustomResourceDefinition": ["spec.group", "spec.scope"],
  "apps/DaemonSet": ["spec.selector"],
  "apps/Deployment": ["spec.selector"],
  "apps/ReplicaSet": ["spec.selector"],
  "apps/StatefulSet": ["spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"],
  "batch/Job": ["spec.completions", "spec.completionMode", "spec.selector", "spec.template"],
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "scheduling.k8s.io/PriorityClass": ["value", "preemptionPolicy"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"],
};

/** Parts of immutable properties that change in place all the same. */
const mutable: Record<string, RegExp> = {
  "/PersistentVolumeClaim": /^spec\.resources\.requests\b/,
  "/Pod": new RegExp(`^spec\\.(${podParts.join("|")}|(initC|c)ontainers\\[\\d+\\]\\.image$)`),
};

function immutablePaths(inputs: Properties, rules: DiffRules): string[] {
  const kind = `${groupOf(text(inputs, "apiVersion") ?? "")}/${text(inputs, "kind")}`;
  const paths = ["kind", "metadata.name", "metadata.namespace", "metadata.generateName", ...(immutable[kind] ?? [])];
  const frozen = inputs.immutable === true;
  if (kind === "/ConfigMap" && (frozen || !rules.configMapMutable)) paths.push("data", "binaryData", "immutable");
  if (kind === "/Secret" && (frozen || !rules.secretMutable)) paths.push("data", "stringData", "immutable");
  return paths;
}

const within = (path: string, parent: string): boolean =>
  path === parent || (path.startsWith(parent) && /[.[]/.test(path[parent.length]));

/** Compares what was declared with what is declared now. */
export function diffInputs(oldInputs: Properties, oldOutputs: Properties, news: Properties, rules: DiffRules): Diff {
  const wasNamespaced = text(record(oldOutputs, "metadata"), "namespace") !== undefined;
  const defaulted = (inputs: Properties, namespace: string | undefined): Properties => {
    if (!wasNamespaced || record(inputs, "metadata").namespace !== undefined) return inputs;
    return { ...inputs, metadata: { ...record(inputs, "metadata"), namespace } };
  };
  const before = defaulted(oldInputs, text(record(oldOutputs, "metadata"), "namespace"));
  const after = defaulted(news, rules.defaultNamespace);
  // A frozen object stays frozen until it is replaced, whatever the new inputs say.
  const fixed = [...immutablePaths(before, rules), ...immutablePaths(after, rules)];
  const exempt = mutable[`${groupOf(text(after, "apiVersion") ?? "")}/${text(after, "kind")}`];
  const changes = new Map<string, Change>();
  for (const { path, kind } of differences(before, after)) {
    const shown = pathText(path);
    // Where the whole parent comes or goes, what it holds does too.
    const fixedHere = fixed.some((each) => within(shown, each) || within(each, shown));
    const groupMoved =
      shown === "apiVersion" && groupOf(text(before, "apiVersion") ?? "") !== groupOf(text(after, "apiVersion") ?? "");
    changes.set(shown, { kind, replace: groupMoved || (fixedHere && !exempt?.test(shown)) });
  }
  const replaced = [...changes.values()].some(({ replace }) => replace);
  const name = (inputs: Properties) =>
    `${text(record(inputs, "metadata"), "namespace")}/${text(record(inputs, "metadata"), "name")}`;
  // Two objects can't share a name: the old one goes first, unless the new one is called otherwise.
  return { changes, deleteBeforeReplace: replaced && name(before) === name(after) && !before.generateName };
}

/**
 * Compares the settings of a provider. Another cluster replaces the provider, and with it all of its objects:
 * by `clusterIdentifier` alone where that is set, else by the address of the server.
 */
export function diffSettings(olds: Properties, news: Properties): Diff {
  const identified = Boolean(olds.clusterIdentifier || news.clusterIdentifier);
  const deciding = identified ? ["clusterIdentifier"] : ["kubeconfig", "context", "cluster"];
  const moved =
    !hasUnknowns(news) && (identified ? olds.clusterIdentifier !== news.clusterIdentifier : hasMoved(olds, news));
  const found = differences(olds, news).filter(({ path }) => path[0] !== "version");
  const changes = found.map(
    ({ path, kind }) => [pathText(path), { kind, replace: moved && deciding.includes(String(path[0])) }] as const,
  );
  return { changes: new Map(changes), deleteBeforeReplace: false };
}

function hasMoved(olds: Properties, news: Properties): boolean {
  try {
    return connection(olds).server !== connection(news).server;
  } catch {
    return false; // A kubeconfig that can't be read any more tells nothing of another cluster.
  }
}
