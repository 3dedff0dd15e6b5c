/**
 * Volumes, namespaces, Services and the parts of the gateway that Pulumi has recorded and the cluster lacks. Pulumi
 * looks at the cluster only in an update that refreshes. Otherwise it reports a lost volume or a lost route as
 * unchanged: pods wait for the one forever, and users reach nothing without the other.
 */
import { ApiError, type Cluster } from "../lib/kube-client";
import { kindOfType } from "./data-loss";
import type { Recorded } from "./state";

/** One of them, by its path in the Kubernetes API. */
export interface RecordedObject {
  readonly urn: string;
  /** `PersistentVolumeClaim kube-system/registry-data` */
  readonly title: string;
  readonly path: string;
  /** Whether what it held is lost with it, so that it is made again empty. */
  readonly holdsData: boolean;
}

const gatewayPath = (version: string, plural: string) => (name: string, namespace: string) =>
  `/apis/gateway.networking.k8s.io/${version}/${namespace ? `namespaces/${namespace}/` : ""}${plural}/${name}`;

const paths: Record<string, (name: string, namespace: string) => string> = {
  "kubernetes:core/v1:PersistentVolumeClaim": (name, namespace) =>
    `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`,
  "kubernetes:core/v1:Namespace": (name) => `/api/v1/namespaces/${name}`,
  "kubernetes:core/v1:Service": (name, namespace) => `/api/v1/namespaces/${namespace}/services/${name}`,
  "kubernetes:gateway.networking.k8s.io/v1:GatewayClass": gatewayPath("v1", "gatewayclasses"),
  "kubernetes:gateway.networking.k8s.io/v1:Gateway": gatewayPath("v1", "gateways"),
  "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": gatewayPath("v1", "httproutes"),
  "kubernetes:gateway.networking.k8s.io/v1beta1:ReferenceGrant": gatewayPath("v1beta1", "referencegrants"),
};

/** Those on the cluster of the stack. What is on another cluster has another provider. */
export function recordedObjects(resources: readonly Recorded[]): RecordedObject[] {
  return resources.flatMap(({ urn = "", type = "", provider = "", inputs }) => {
    const { name, namespace = "" } = (inputs?.metadata ?? {}) as { name?: string; namespace?: string };
    if (!paths[type] || !name || !provider.includes("::cluster::")) return [];
    const title = `${kindOfType(type)} ${namespace ? `${namespace}/` : ""}${name}`;
    const holdsData = /:(PersistentVolumeClaim|Namespace)$/.test(type);
    return [{ urn, title, path: paths[type](name, namespace), holdsData }];
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
