/**
 * Volumes and namespaces that Pulumi has recorded and the cluster lacks. Pulumi looks at the cluster only in an update
 * that refreshes. Otherwise it reports a lost volume as unchanged, and its pods wait for it forever.
 */
import { ApiError, type Cluster } from "../lib/kube-client";
import { kindOfType } from "./data-loss";
import type { Recorded } from "./state";

/** A volume or a namespace, by its path in the Kubernetes API. */
export interface RecordedObject {
  readonly urn: string;
  /** `PersistentVolumeClaim kube-system/registry-data` */
  readonly title: string;
  readonly path: string;
}

const paths: Record<string, (name: string, namespace: string) => string> = {
  "kubernetes:core/v1:PersistentVolumeClaim": (name, namespace) =>
    `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`,
  "kubernetes:core/v1:Namespace": (name) => `/api/v1/namespaces/${name}`,
};

/** The volumes and namespaces on the cluster of the stack. Those on another cluster have another provider. */
export function recordedObjects(resources: readonly Recorded[]): RecordedObject[] {
  return resources.flatMap(({ urn = "", type = "", provider = "", inputs }) => {
    const { name, namespace = "" } = (inputs?.metadata ?? {}) as { name?: string; namespace?: string };
    if (!paths[type] || !name || !provider.includes("::cluster::")) return [];
    const title = `${kindOfType(type)} ${namespace ? `${namespace}/` : ""}${name}`;
    return [{ urn, title, path: paths[type](name, namespace) }];
  });
}

/** Those that the cluster lacks. @throws if the cluster does not answer, or does not let the user read them */
export async function missingObjects(cluster: Cluster, objects: readonly RecordedObject[]): Promise<RecordedObject[]> {
  const found = await Promise.all(objects.map(({ path }) => cluster.api(path).then(() => true, falseIfNotFound)));
  return objects.filter((_, index) => !found[index]);
}

function falseIfNotFound(error: unknown): false {
  if (error instanceof ApiError && error.status === 404) return false;
  throw error;
}
