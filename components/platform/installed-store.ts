import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "../../images/catalogue";
import { restrictedContainer, temporaryMount, temporaryVolume } from "../shared/security";
import { GeneratedSecret } from "./generated-secret";

/** Inputs of a store that the stack runs for MLflow. */
export interface InstalledStoreArgs {
  readonly namespace: pulumi.Input<string>;
  /** Size of its volume. */
  readonly storage: string;
  readonly images: Images;
  /** `repository@digest` of the tools image. */
  readonly toolsImage: pulumi.Input<string>;
  /** Whether Pulumi refuses to delete its volume; default false. */
  readonly protect?: boolean;
}

type PodSpec = k8s.types.input.core.v1.PodSpec;

/** What one store has of its own. */
interface InstalledStore {
  /** Label, and name of the Deployment and of the Service. */
  readonly app: string;
  /** Name of its PersistentVolumeClaim. */
  readonly claim: string;
  /** Its Secret: the name, the key of the user's name, and the key of the password. */
  readonly secret: string;
  readonly userKey: string;
  readonly passwordKey: string;
  readonly port: { readonly name: string; readonly number: number };
  readonly pod: Pick<PodSpec, "securityContext" | "initContainers" | "containers">;
}

/** How each container of a store is confined, and where it has the volume. */
export const onVolume = {
  securityContext: restrictedContainer,
  volumeMounts: [{ name: "data", mountPath: "/data" }, temporaryMount],
};

/** Declares a store below its component: a password made in the cluster, one volume, and one pod that it is for. */
export function installStore(
  name: string,
  { namespace, storage, toolsImage, protect }: InstalledStoreArgs,
  { app, claim, secret, userKey, passwordKey, port, pod }: InstalledStore,
  parent: pulumi.Resource,
): void {
  const labels = { app };
  const metadata = { name: app, namespace, labels };
  const child = { parent };

  const credentials = new GeneratedSecret(
    `${name}-secret`,
    { namespace, secret, user: [userKey, "mlflow"], passwordKey, image: toolsImage },
    child,
  );
  const volume = new k8s.core.v1.PersistentVolumeClaim(
    `${name}-data`,
    {
      metadata: { ...metadata, name: claim, annotations: { "pulumi.com/skipAwait": "true" } },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
    },
    { ...child, protect },
  );
  const deployment = new k8s.apps.v1.Deployment(
    `${name}-deployment`,
    {
      metadata,
      spec: {
        replicas: 1,
        strategy: { type: "Recreate" },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            ...pod,
            volumes: [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }, temporaryVolume],
          },
        },
      },
    },
    { ...child, dependsOn: credentials },
  );
  new k8s.core.v1.Service(
    `${name}-service`,
    { metadata, spec: { selector: labels, ports: [{ name: port.name, port: port.number, targetPort: port.name }] } },
    { ...child, dependsOn: deployment },
  );
}
