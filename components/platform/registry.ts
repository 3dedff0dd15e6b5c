import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { type Images, imageReference, registryAddress } from "../../images/catalogue";
import { nonRootId, restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";
import { registryType } from "../shared/workflow-names";
import { serveScript } from "./registry-script";

export interface RegistryArgs {
  readonly settings: Settings["registry"];
  readonly images: Images;
  /** Whether Pulumi refuses to delete the images; default false. */
  readonly protect?: boolean;
}

const namespace = "kube-system";
const labels = { app: "registry" };
const port = Number(registryAddress.split(":")[1]);

/**
 * The container registry for the built images, the images of the models and the bundles of the environments. Inside the
 * cluster, it answers at `registryAddress` over plain HTTP.
 */
export class Registry extends pulumi.ComponentResource {
  /** `host:port` inside the cluster. */
  readonly address = registryAddress;

  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super(registryType, name, {}, opts);
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
          // Only one pod at a time can use the volume.
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
                  command: ["sh", "-c", serveScript()],
                  env: [
                    { name: "REGISTRY_STORAGE_DELETE_ENABLED", value: "true" },
                    { name: "REPOSITORIES", value: "/var/lib/registry/docker/registry/v2/repositories" },
                  ],
                  // Longer than a collection may take.
                  startupProbe: { httpGet: { path: "/v2/", port }, periodSeconds: 2, failureThreshold: 300 },
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

/** Folder of containerd's configuration, and in it the folder with the `hosts.toml` of each registry. */
const containerdFolder = "/etc/containerd";
const hostsFolder = `${containerdFolder}/certs.d`;
/** containerd reads the folder only if its configuration says so. */
const notRead =
  `containerd on this node does not read ${hostsFolder}, so the node cannot pull from ${registryAddress}: ` +
  `write config_path = "${hostsFolder}" to ${containerdFolder}/config.toml, ` +
  `under [plugins."io.containerd.grpc.v1.cri".registry] or, ` +
  `from containerd 2.0 on, [plugins."io.containerd.cri.v1.images".registry], then restart containerd.`;
/** Writes the file, then fails if containerd ignores it. The kubelet runs it again until it does not. */
const nodeScript = `printf "%s" "$HOSTS_TOML" > /node/hosts.toml
grep -qsE "$READS_FOLDER" /containerd/*.toml /containerd/conf.d/*.toml && exec sleep infinity
echo "$NOT_READ" >&2
exit 1`;
/** A line that sets `config_path` to the folder, alone or among others. */
const readsFolder = `^[[:space:]]*config_path[[:space:]]*=[[:space:]]*["'](.*:)?${hostsFolder}/?[:"']`;

/**
 * A DaemonSet that writes containerd's `hosts.toml` for the registry on every node. Nodes need it, since they do not
 * resolve cluster names and the registry speaks plain HTTP. Its image is the registry's, which has a shell and comes
 * from another registry. These are the only host paths of the program.
 */
function nodeConfiguration(name: string, clusterIp: string, image: string, parent: Registry) {
  const nodeLabels = { app: "registry-nodes" };
  const env = {
    HOSTS_TOML: hostsToml(`http://${clusterIp}:${port}`),
    READS_FOLDER: readsFolder,
    NOT_READ: notRead,
  };
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
                command: ["sh", "-c", nodeScript],
                env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
                // Pulumi prints it when it gives up waiting.
                terminationMessagePolicy: "FallbackToLogsOnError",
                resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "32Mi" } },
                securityContext: { ...restrictedContainer, runAsUser: 0, runAsGroup: nonRootId },
                volumeMounts: [
                  { name: "certs", mountPath: "/node" },
                  { name: "containerd", mountPath: "/containerd", readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: "certs", hostPath: { path: `${hostsFolder}/${registryAddress}`, type: "DirectoryOrCreate" } },
              { name: "containerd", hostPath: { path: containerdFolder, type: "DirectoryOrCreate" } },
            ],
          },
        },
      },
    },
    { parent },
  );
}

function hostsToml(server: string): string {
  return `server = "${server}"

[host."${server}"]
  capabilities = ["pull", "resolve"]
`;
}
