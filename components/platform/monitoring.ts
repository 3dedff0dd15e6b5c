import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { dump } from "js-yaml";
import type { Settings } from "../../config";
import { environmentsHere, type PromotionPath } from "../../config/promotion-path";
import { type Images, imageReference } from "../../images/catalogue";
import { type Grant, grant } from "../shared/grant";
import { restrictedContainer, restrictedNamespaceLabels, restrictedPod } from "../shared/security";
import { monitoringNamespace, prometheusName } from "../shared/workflow-names";
import { prometheusConfig, rulesFile, scrapedNamespaces } from "./prometheus-config";

export interface MonitoringArgs {
  readonly settings: NonNullable<Settings["monitoring"]>;
  /** The environments; Prometheus collects the figures of those on its cluster. */
  readonly promotionPath: PromotionPath;
  readonly images: Images;
  /** Folder with the alert rules, `rules.yaml`. */
  readonly folder: string;
}

const port = 9090;
/** URL of Prometheus as the cluster's pods reach it: the stack's own, or that of its settings; none without one. */
export const prometheusUrl = (settings: Settings["monitoring"]): string | undefined =>
  settings && (settings.url ?? `http://${prometheusName}.${monitoringNamespace}.svc.cluster.local:${port}`);

/**
 * Prometheus, which collects the figures of the app, of Argo Workflows, of Argo CD and of MLflow, and how full the
 * volumes are, and judges the alert rules. It may read the pods of their namespaces and the figures of the kubelets,
 * and nothing else. It has no login, so no Service shows it outside the cluster. The figures go with its pod: what must
 * last is in the record of releases.
 */
export class Monitoring extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:Monitoring", name, {}, opts);
    const child = { parent: this };
    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: monitoringNamespace, labels: restrictedNamespaceLabels } },
      child,
    );
    this.namespace = namespace.metadata.name;
    const metadata = { name: prometheusName, namespace: this.namespace, labels };
    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, { metadata }, child);
    const rights = [
      ...scrapedNamespaces.flatMap((scraped) => grant(`${name}-${scraped}`, podReader(scraped), child)),
      ...readsKubelets(name, child),
    ];
    const configuration = new k8s.core.v1.ConfigMap(
      `${name}-configuration`,
      {
        metadata,
        data: {
          "prometheus.yml": dump(
            prometheusConfig({
              environments: environmentsHere(args.promotionPath),
              retentionDays: args.settings.retentionDays,
            }),
            { lineWidth: -1, noRefs: true },
          ),
          [rulesFile]: readFileSync(join(args.folder, rulesFile), "utf8"),
        },
      },
      child,
    );
    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: account.metadata.name,
              enableServiceLinks: false,
              securityContext: restrictedPod,
              containers: [
                {
                  name: prometheusName,
                  image: imageReference(args.images.prometheus),
                  // A changed configuration is read again within half a minute: a new pod would begin without figures.
                  args: [
                    "--config.file=/etc/prometheus/prometheus.yml",
                    "--storage.tsdb.path=/prometheus",
                    "--config.auto-reload",
                  ],
                  ports: [{ name: "http", containerPort: port }],
                  // After a restart it first reads what it had collected.
                  startupProbe: { httpGet: { path: "/-/ready", port }, periodSeconds: 1, failureThreshold: 300 },
                  readinessProbe: { httpGet: { path: "/-/ready", port }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: "/-/healthy", port }, periodSeconds: 20 },
                  resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [
                    { name: "configuration", mountPath: "/etc/prometheus", readOnly: true },
                    { name: "figures", mountPath: "/prometheus" },
                  ],
                },
              ],
              volumes: [
                { name: "configuration", configMap: { name: configuration.metadata.name } },
                // Twice the retention: beside the blocks it holds what has not become one yet.
                { name: "figures", emptyDir: { sizeLimit: "2Gi" } },
              ],
            },
          },
        },
      },
      { ...child, dependsOn: rights },
    );
    new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: "http", port, targetPort: "http" }] } },
      { ...child, dependsOn: deployment },
    );
    this.registerOutputs({ namespace: this.namespace });
  }
}

const labels = { app: prometheusName };

/** Prometheus may read the figures of the nodes' kubelets, which belong to no namespace. */
function readsKubelets(name: string, options: pulumi.CustomResourceOptions): pulumi.Resource[] {
  const metadata = { name: "gourmetgram-prometheus-kubelets" };
  return [
    new k8s.rbac.v1.ClusterRole(
      `${name}-kubelets-role`,
      { metadata, rules: [{ apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] }] },
      options,
    ),
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-kubelets-binding`,
      {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
        subjects: [{ kind: "ServiceAccount", name: prometheusName, namespace: monitoringNamespace }],
      },
      options,
    ),
  ];
}

/** Prometheus may find the pods of a namespace. */
export function podReader(namespace: pulumi.Input<string>): Grant {
  return {
    metadata: { name: prometheusName, namespace },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    subjects: [{ name: prometheusName, namespace: monitoringNamespace }],
  };
}
