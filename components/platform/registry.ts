import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { type Images, imageReference, registryAddress } from "../../images/catalogue";
import { nonRootId, restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";

export interface RegistryArgs {
  readonly settings: Settings["registry"];
  readonly images: Images;
  /** Whether Pulumi refuses to delete the images; default false. */
  readonly protect?: boolean;
}

const namespace = "kube-system";
const labels = { app: "registry" };
const port = 5000;

/**
 * The container registry that holds the app, the models' images and the environments' bundles, at
 * `registry.kube-system.svc.cluster.local:5000`, over plain HTTP inside the cluster.
 */
export class Registry extends pulumi.ComponentResource {
  /** `host:port` inside the cluster. */
  readonly address = registryAddress;

  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:Registry", name, {}, opts);
    const { settings, images } = args;

    const volume = new k8s.core.v1.PersistentVolumeClaim(
      `${name}-data`,
      {
        metadata: { name: "registry-data", namespace, labels, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: settings.storage } } },
      },
      { parent: this, protect: args.protect },
    );

    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata: { name: "registry", namespace, labels },
        spec: {
          replicas: 1,
          // One volume can't serve an old and a new pod at once.
          strategy: { type: "Recreate" },
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              automountServiceAccountToken: false,
              securityContext: restrictedPod,
              containers: [
                {
                  name: "registry",
                  image: imageReference(images.registry),
                  ports: [{ name: "http", containerPort: port }],
                  env: [{ name: "REGISTRY_STORAGE_DELETE_ENABLED", value: "true" }],
                  readinessProbe: { httpGet: { path: "/v2/", port }, periodSeconds: 2 },
                  livenessProbe: { httpGet: { path: "/v2/", port }, periodSeconds: 20 },
                  resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "512Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "data", mountPath: "/var/lib/registry" }, temporaryMount],
                },
              ],
              volumes: [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }, temporaryVolume],
            },
          },
        },
      },
      { parent: this },
    );

    new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata: { name: "registry", namespace, labels },
        spec: {
          selector: labels,
          ports: [{ name: "http", port, targetPort: port }],
          ...(settings.clusterIp ? { clusterIP: settings.clusterIp } : {}),
        },
      },
      { parent: this, dependsOn: deployment },
    );

    if (settings.configureNodes)
      nodeConfiguration(`${name}-nodes`, settings.clusterIp!, imageReference(images.registry), this);
    this.registerOutputs({ address: this.address });
  }
}

/**
 * A DaemonSet that writes containerd's `hosts.toml` for the registry on every node: nodes don't resolve
 * cluster names, and the registry speaks plain HTTP. It runs the registry's own image, which has a shell and
 * comes from elsewhere. The one host path of the whole program.
 */
function nodeConfiguration(name: string, clusterIp: string, image: string, parent: Registry) {
  const nodeLabels = { app: "registry-nodes" };
  const directory = `/etc/containerd/certs.d/${registryAddress}`;
  new k8s.apps.v1.DaemonSet(
    name,
    {
      metadata: { name: "registry-nodes", namespace, labels: nodeLabels },
      spec: {
        selector: { matchLabels: nodeLabels },
        template: {
          metadata: { labels: nodeLabels },
          spec: {
            automountServiceAccountToken: false,
            containers: [
              {
                name: "write-hosts",
                image,
                command: ["sh", "-c", 'printf "%s" "$HOSTS_TOML" > /node/hosts.toml && exec sleep infinity'],
                env: [
                  {
                    name: "HOSTS_TOML",
                    value: `server = "http://${clusterIp}:${port}"\n\n[host."http://${clusterIp}:${port}"]\n  capabilities = ["pull", "resolve"]\n`,
                  },
                ],
                resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "32Mi" } },
                securityContext: { ...restrictedContainer, runAsUser: 0, runAsGroup: nonRootId },
                volumeMounts: [{ name: "certs", mountPath: "/node" }],
              },
            ],
            volumes: [{ name: "certs", hostPath: { path: directory, type: "DirectoryOrCreate" } }],
          },
        },
      },
    },
    { parent },
  );
}
