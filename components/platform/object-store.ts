import * as pulumi from "@pulumi/pulumi";
import { imageReference } from "../../images/catalogue";
import { restrictedPod } from "../shared/security";
import { ownedVolumes } from "../shared/volumes";
import { type InstalledStoreArgs, installStore, onVolume } from "./installed-store";

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
    const { images, toolsImage } = args;
    const resources = { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "512Mi" } };
    const probe = { httpGet: { path: health, port } };
    const pod = {
      securityContext: restrictedPod,
      initContainers: [
        {
          // A folder is a bucket.
          name: "bucket",
          image: toolsImage,
          command: ["mkdir", "-p", `/data/objects/${installedArtifacts.bucket}`, "/data/metadata"],
          resources,
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
          resources,
          ...onVolume,
        },
      ],
    };
    const [userKey, passwordKey] = accessKeys;
    const { secret } = installedArtifacts;
    const service = { name: "s3", number: port };
    installStore(name, args, { app, claim, secret, userKey, passwordKey, port: service, pod }, this);
    this.registerOutputs({});
  }
}
