import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { type Images, imageReference } from "../../images/catalogue";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { mlflowAddress, mlflowNamespace, mlflowPort } from "../shared/mlflow-address";
import { publishedHosts } from "../shared/published-hosts";
import {
  restrictedContainer,
  restrictedNamespaceLabels,
  restrictedPod,
  temporaryMount,
  temporaryVolume,
} from "../shared/security";
import { allowedHosts, allowedOrigins } from "./mlflow-hosts";

export interface ModelRegistryArgs {
  readonly settings: Settings["modelRegistry"];
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** Whether Pulumi refuses to delete the models and the record of releases; default false. */
  readonly protect?: boolean;
}

const port = mlflowPort;
/** Tracking URI that every step of the pipeline uses. */
export const trackingUri = `http://${mlflowAddress}`;

const labels = { app: "mlflow" };
const home = { name: "HOME", value: "/tmp" };
const database = "sqlite:////data/mlflow.db";

/**
 * The MLflow server: model registry, runs and artifacts. SQLite and the artifacts share one volume, so there is one
 * replica and never a second pod. A newer version upgrades the tables before it starts. Clients read and write
 * artifacts through the server, so they need no access to the storage.
 */
export class ModelRegistry extends pulumi.ComponentResource {
  /** Address that a person opens. */
  readonly url: string;
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: ModelRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:ModelRegistry", name, {}, opts);
    const { settings, exposure, images } = args;

    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: mlflowNamespace, labels: restrictedNamespaceLabels } },
      { parent: this, protect: args.protect },
    );
    this.namespace = namespace.metadata.name;

    const volume = new k8s.core.v1.PersistentVolumeClaim(
      `${name}-data`,
      {
        metadata: {
          name: "mlflow-data",
          namespace: this.namespace,
          labels,
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: settings.storage } } },
      },
      { parent: this, protect: args.protect },
    );

    const exposed = { name: "mlflow", port: exposure.ports.mlflow };
    const hosts = publishedHosts(
      exposure,
      exposed,
      { name: "mlflow", namespace: mlflowNamespace, port },
      settings.hosts,
    );
    const onVolume = {
      image: imageReference(images.mlflow),
      resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "2Gi" } },
      securityContext: restrictedContainer,
      volumeMounts: [{ name: "data", mountPath: "/data" }, temporaryMount],
    };
    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata: { name: "mlflow", namespace: this.namespace, labels },
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              automountServiceAccountToken: false,
              // Kubernetes would set variables such as MLFLOW_PORT, which the server reads as its own settings.
              enableServiceLinks: false,
              securityContext: restrictedPod,
              // A newer server creates missing tables, but rejects tables with other columns. The upgrade changes
              // nothing if the tables are up to date.
              initContainers: [
                { name: "migrate", command: ["mlflow", "db", "upgrade", database], env: [home], ...onVolume },
              ],
              containers: [
                {
                  name: "mlflow",
                  command: ["mlflow", "server"],
                  args: [
                    "--host=0.0.0.0",
                    `--port=${port}`,
                    "--workers=1",
                    `--backend-store-uri=${database}`,
                    "--artifacts-destination=/data/artifacts",
                    `--allowed-hosts=${allowedHosts(hosts).join(",")}`,
                    `--cors-allowed-origins=${allowedOrigins(hosts).join(",")}`,
                  ],
                  env: [
                    home,
                    // The pipeline uses no jobs. Each of the job consumers would need 220 MiB.
                    { name: "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", value: "false" },
                  ],
                  ports: [{ name: "http", containerPort: port }],
                  startupProbe: { httpGet: { path: "/health", port }, periodSeconds: 2, failureThreshold: 90 },
                  readinessProbe: { httpGet: { path: "/health", port }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: "/health", port }, periodSeconds: 30, timeoutSeconds: 10 },
                  ...onVolume,
                },
              ],
              volumes: [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }, temporaryVolume],
            },
          },
        },
      },
      { parent: this },
    );

    const service = (role: string, serviceName: string, spec: k8s.types.input.core.v1.ServiceSpec) =>
      new k8s.core.v1.Service(
        `${name}-${role}`,
        {
          metadata: {
            name: serviceName,
            namespace: this.namespace,
            labels,
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: { selector: labels, ...spec },
        },
        { parent: this, dependsOn: deployment },
      );
    service("service", "mlflow", { ports: [{ name: "http", port, targetPort: port }] });
    service("exposed-service", "mlflow-exposed", exposedServiceSpec(exposure, { ...exposed, targetPort: port }));

    this.url = exposedUrl(exposure, exposed);
    this.registerOutputs({ url: this.url, namespace: this.namespace });
  }
}
