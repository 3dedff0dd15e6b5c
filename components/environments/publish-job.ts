import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { registryAddress } from "../../images/catalogue";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";

export interface PublishJobArgs {
  /** App whose bundle it is. */
  readonly app: string;
  /** ConfigMap with the bundle's files. */
  readonly bundle: k8s.core.v1.ConfigMap;
  readonly tag: pulumi.Input<string>;
  /** `repository@digest` of the tools image. */
  readonly image: pulumi.Input<string>;
}

/** Packs the bundle into one content layer, as Argo CD expects it, unless the registry already has it. */
const publishScript = `crane --insecure digest "$TARGET" >/dev/null 2>&1 && exit 0
tar -C /bundle -chf /tmp/bundle.tar deployment.yaml service.yaml metrics-service.yaml kustomization.yaml
exec crane --insecure append --oci-empty-base --new_layer /tmp/bundle.tar --new_tag "$TARGET"`;

/** URL of the repository that the bundles of an app are pushed to. */
export const bundleRepository = (app: string): string => `oci://${registryAddress}/bundles/${app}`;

/** The Job that pushes a bundle to the registry. An update waits for its end, and fails where it fails. */
export function createPublishJob(
  name: string,
  { app, bundle, tag, image }: PublishJobArgs,
  opts: pulumi.CustomResourceOptions,
): k8s.batch.v1.Job {
  const target = pulumi.interpolate`${registryAddress}/bundles/${app}:${tag}`;
  return new k8s.batch.v1.Job(
    name,
    {
      metadata: {
        name: pulumi.interpolate`${app}-publish-${tag}`,
        namespace: bundle.metadata.namespace,
        // A failed Job is not ready: the next update replaces it.
        annotations: { "pulumi.com/replaceUnready": "true" },
      },
      spec: {
        backoffLimit: 3,
        activeDeadlineSeconds: 300,
        template: {
          metadata: { labels: { app: `${app}-publish` } },
          spec: {
            restartPolicy: "Never",
            automountServiceAccountToken: false,
            securityContext: restrictedPod,
            containers: [
              {
                name: "publish",
                image,
                command: ["sh", "-euc", publishScript],
                env: [{ name: "TARGET", value: target }],
                resources: { requests: { cpu: "50m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                securityContext: restrictedContainer,
                volumeMounts: [{ name: "bundle", mountPath: "/bundle", readOnly: true }, temporaryMount],
              },
            ],
            volumes: [{ name: "bundle", configMap: { name: bundle.metadata.name } }, temporaryVolume],
          },
        },
      },
    },
    // It has a fixed name. If the registry lost the bundle, the update is told to replace the Job: see
    // stacks/lost-artifacts.ts. Created first, the new one would be the old one, and then be deleted.
    { ...opts, deleteBeforeReplace: true },
  );
}
