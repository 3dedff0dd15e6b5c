import * as k8s from "@pulumi/kubernetes";
import type { Settings } from "../../config";

/**
 * The provider that makes the resources of one cluster.
 *
 * It must never be replaced by accident: Pulumi replaces every resource of a replaced provider, and so deletes all
 * volumes. The Kubernetes provider asks for its replacement if `clusterIdentifier` changes, and for none while that
 * stays the same. So the identifier with which a stack was made is kept for as long as the stack exists. A renamed
 * context, another kubeconfig, another address of the API server or a new certificate then replaces nothing.
 */
export function clusterProvider(name: string, { context, kubeconfig }: Settings["cluster"]): k8s.Provider {
  return new k8s.Provider(
    name,
    {
      context,
      // An empty text stands for the KUBECONFIG of whoever runs Pulumi. Otherwise the package would write that path
      // into the state. A refresh or a destroy on another machine would look for the file there, and fail.
      kubeconfig: kubeconfig ?? "",
      clusterIdentifier: context,
      enableConfigMapMutable: true,
      enableSecretMutable: true,
    },
    { ignoreChanges: ["clusterIdentifier"] },
  );
}
