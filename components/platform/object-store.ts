import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { imageReference } from "../../images/catalogue";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";
import { ownedVolumes } from "../shared/volumes";
import { GeneratedSecret } from "./generated-secret";
import type { InstalledStoreArgs } from "./postgres";

const { namespace: storeNamespace, app, claim } = ownedVolumes.artifacts;
const port = 7070;
const health = "/health";
/** Address of the stack's own object store, its one bucket, and the Secret with its keys. */
export const installedArtifacts = {
  endpoint: `http://${app}.${storeNamespace}.svc.cluster.local:${port}`,
  bucket: "mlflow",
  secret: app,
};
/** Keys of a Secret that gives access to a bucket, as an ObjectBucketClaim names them. */
export const accessKeys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;

/**
 * versitygw, an S3-compatible store, for MLflow's artifacts: one pod with one volume, for labs and tests. What S3 knows
 * of an object beside its content is in a folder of its own, since not every volume keeps attributes of files.
 */
export class ObjectStore extends pulumi.ComponentResource {
  constructor(name: string, args: InstalledStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:ObjectStore", name, {}, opts);
    const { namespace, storage, images, toolsImage, protect } = args;
    const labels = { app };
    const metadata = { name: app, namespace, labels };
    const child = { parent: this };

    const credentials = new GeneratedSecret(
      `${name}-secret`,
      {
        namespace,
        secret: installedArtifacts.secret,
        user: [accessKeys[0], "mlflow"],
        passwordKey: accessKeys[1],
        image: toolsImage,
      },
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
    const onVolume = {
      resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "512Mi" } },
      securityContext: restrictedContainer,
      volumeMounts: [{ name: "data", mountPath: "/data" }, temporaryMount],
    };
    const probe = { httpGet: { path: health, port } };
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
              securityContext: restrictedPod,
              initContainers: [
                {
                  // A folder is a bucket.
                  name: "bucket",
                  image: toolsImage,
                  command: ["mkdir", "-p", `/data/objects/${installedArtifacts.bucket}`, "/data/metadata"],
                  ...onVolume,
                },
              ],
              containers: [
                {
                  name: "versitygw",
                  image: imageReference(images.versitygw),
                  // To the image's own entry point, wherever it has the program.
                  args: [
                    `--port=:${port}`,
                    `--health=${health}`,
                    "--quiet",
                    "posix",
                    "--sidecar=/data/metadata",
                    "/data/objects",
                  ],
                  env: ["ROOT_ACCESS_KEY_ID", "ROOT_SECRET_ACCESS_KEY"].map((variable, index) => ({
                    name: variable,
                    valueFrom: { secretKeyRef: { name: installedArtifacts.secret, key: accessKeys[index] } },
                  })),
                  ports: [{ name: "s3", containerPort: port }],
                  startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { ...probe, periodSeconds: 5 },
                  livenessProbe: { ...probe, periodSeconds: 30, timeoutSeconds: 10 },
                  ...onVolume,
                },
              ],
              volumes: [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }, temporaryVolume],
            },
          },
        },
      },
      { ...child, dependsOn: credentials },
    );
    new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: "s3", port, targetPort: "s3" }] } },
      { ...child, dependsOn: deployment },
    );
    this.registerOutputs({});
  }
}
