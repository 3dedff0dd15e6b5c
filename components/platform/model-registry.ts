import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { type Images, imageReference } from "../../images/catalogue";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { mlflowApp, mlflowNamespace, mlflowPort, mlflowPortName } from "../shared/mlflow-address";
import {
  restrictedContainer,
  restrictedNamespaceLabels,
  restrictedPod,
  temporaryMount,
  temporaryVolume,
} from "../shared/security";
import { allowedHosts, allowedOrigins, podHosts } from "./mlflow-hosts";
import { hasVolume, storeVariables, upgradeCommand } from "./mlflow-stores";
import { ObjectStore } from "./object-store";
import { Postgres } from "./postgres";

export interface ModelRegistryArgs {
  readonly settings: Settings["modelRegistry"];
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** `repository@digest` of the tools image, for the stores that the stack installs. */
  readonly toolsImage: pulumi.Input<string>;
  /** Whether MLflow tells a Prometheus its figures; default false. */
  readonly hasPrometheus?: boolean;
  /** Whether Pulumi refuses to delete the models and the record of releases; default false. */
  readonly protect?: boolean;
}

const port = mlflowPort;

const labels = { app: mlflowApp };
const home = { name: "HOME", value: "/tmp" };
/** Where the server's worker keeps what `/metrics` answers. */
const figuresFolder = "/tmp/figures";
const podAddress = { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } };

/**
 * The MLflow server: model registry, runs and artifacts. By default SQLite and the artifacts share one volume, so there
 * is one replica and never a second pod. A stack may have PostgreSQL and S3 instead. A newer version upgrades the
 * tables before it starts. Clients read and write artifacts through the server, so they need no access to the storage.
 */
export class ModelRegistry extends pulumi.ComponentResource {
  /** Address that a person opens. */
  readonly url: string;
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: ModelRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:ModelRegistry", name, {}, opts);
    const { settings, exposure, images, toolsImage, hasPrometheus = false, protect } = args;

    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: mlflowNamespace, labels: restrictedNamespaceLabels } },
      { parent: this, protect },
    );
    this.namespace = namespace.metadata.name;

    const volume = hasVolume(settings)
      ? new k8s.core.v1.PersistentVolumeClaim(
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
          { parent: this, protect },
        )
      : undefined;
    const store = { namespace: this.namespace, storage: settings.storage, images, toolsImage, protect };
    const stores = [
      ...(settings.database?.install ? [new Postgres(`${name}-database`, store, { parent: this })] : []),
      ...(settings.artifacts?.install ? [new ObjectStore(`${name}-artifacts`, store, { parent: this })] : []),
    ];

    const exposed = { name: "mlflow", port: exposure.ports.mlflow };
    const hosts = [...allowedHosts(exposure, settings.hosts), ...(hasPrometheus ? podHosts : [])];
    const variables = [home, ...storeVariables(settings)];
    const shared = {
      image: imageReference(images.mlflow),
      resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "2Gi" } },
      securityContext: restrictedContainer,
      volumeMounts: [...(volume ? [{ name: "data", mountPath: "/data" }] : []), temporaryMount],
    };
    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata: { name: "mlflow", namespace: this.namespace, labels },
        spec: {
          replicas: settings.replicas,
          strategy: { type: volume ? "Recreate" : "RollingUpdate" },
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
                {
                  name: "migrate",
                  command: upgradeCommand(settings),
                  env: variables,
                  ...shared,
                },
              ],
              containers: [
                {
                  name: "mlflow",
                  command: ["mlflow", "server"],
                  args: [
                    "--host=0.0.0.0",
                    `--port=${port}`,
                    "--workers=1",
                    `--allowed-hosts=${hosts.join(",")}`,
                    `--cors-allowed-origins=${allowedOrigins(exposure, settings.hosts).join(",")}`,
                    ...(hasPrometheus ? [`--expose-prometheus=${figuresFolder}`] : []),
                  ],
                  env: [
                    ...variables,
                    ...(hasPrometheus ? [podAddress] : []),
                    // The pipeline uses no jobs. Each of the job consumers would need 220 MiB.
                    { name: "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", value: "false" },
                  ],
                  ports: [{ name: mlflowPortName, containerPort: port }],
                  startupProbe: { httpGet: { path: "/health", port }, periodSeconds: 2, failureThreshold: 90 },
                  readinessProbe: { httpGet: { path: "/health", port }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: "/health", port }, periodSeconds: 30, timeoutSeconds: 10 },
                  ...shared,
                },
              ],
              volumes: [
                ...(volume ? [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }] : []),
                temporaryVolume,
              ],
            },
          },
        },
      },
      { parent: this, dependsOn: stores },
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
