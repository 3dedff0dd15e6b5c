import { metricsPortName } from "../environments/environment-bundle";
import { mlflowApp, mlflowNamespace, mlflowPortName } from "../shared/mlflow-address";
import { ownedVolumes } from "../shared/volumes";
import { argoCdNamespace, environmentApp, workflowNamespace } from "../shared/workflow-names";

/** What Prometheus is to do. */
export interface PrometheusShape {
  /** Names of the environments whose pods are on its cluster. */
  readonly environments: readonly string[];
  /** Time for which figures are kept, 1 to 90 days. */
  readonly retentionDays: number;
}

/** The token of Prometheus' account, in its pod. */
export const tokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/** Name of the file with the alert rules, beside the configuration. */
export const rulesFile = "rules.yaml";
/** Most that the figures may take. The oldest go first. */
const retentionSize = "1GB";
/** Many times what an app or MLflow tells. A candidate is scraped before any gate has judged it. */
const mostSamples = 5000;
/** Pods of Argo CD, each with the port of its metrics. */
const argoCdPods = ["argocd-application-controller;8082", "argocd-server;8083", "argocd-repo-server;8084"];
const volumes = Object.values(ownedVolumes);
const kubeletPort = 10250;

/** Namespaces whose pods Prometheus has to find, beside the environments'. */
export const scrapedNamespaces = [
  ...new Set([argoCdNamespace, workflowNamespace, mlflowNamespace, ...volumes.map(({ namespace }) => namespace)]),
];

/** The content of `prometheus.yml`. Prometheus finds what it asks among the pods of a few namespaces. */
export function prometheusConfig({ environments, retentionDays }: PrometheusShape) {
  return {
    global: { scrape_interval: "30s", evaluation_interval: "15s" },
    storage: { tsdb: { retention: { time: `${retentionDays}d`, size: retentionSize } } },
    rule_files: [rulesFile],
    scrape_configs: [appJob(environments), argoWorkflowsJob(), argoCdJob(), mlflowJob(), volumesJob()],
  };
}

function appJob(environments: readonly string[]) {
  return {
    job_name: "app",
    scrape_interval: "10s",
    sample_limit: mostSamples,
    kubernetes_sd_configs: podsOf(environments.map(environmentApp)),
    relabel_configs: [
      keep("pod_container_port_name", metricsPortName),
      ...podLabels,
      { source_labels: ["__meta_kubernetes_namespace"], regex: environmentApp("(.+)"), target_label: "environment" },
    ],
    // What the app says of its environment. The namespace that a figure came from decides.
    metric_relabel_configs: [{ regex: "exported_environment", action: "labeldrop" }],
  };
}

function argoWorkflowsJob() {
  return {
    job_name: "argo-workflows",
    scheme: "https",
    // The controller makes a certificate for itself whenever it starts.
    tls_config: { insecure_skip_verify: true },
    kubernetes_sd_configs: podsOf([workflowNamespace]),
    relabel_configs: [keep("pod_label_app;pod_container_port_name", "workflow-controller;metrics"), ...podLabels],
  };
}

function argoCdJob() {
  return {
    job_name: "argo-cd",
    kubernetes_sd_configs: podsOf([argoCdNamespace]),
    relabel_configs: [
      keep("pod_label_app_kubernetes_io_name;pod_container_port_number", argoCdPods.join("|")),
      ...podLabels,
    ],
  };
}

function mlflowJob() {
  return {
    job_name: "mlflow",
    sample_limit: mostSamples,
    kubernetes_sd_configs: podsOf([mlflowNamespace]),
    relabel_configs: [keep("pod_label_app;pod_container_port_name", `${mlflowApp};${mlflowPortName}`), ...podLabels],
  };
}

/** How full the volumes are, as the kubelets of the pods that write to them measure it. */
function volumesJob() {
  return {
    job_name: "volumes",
    scrape_interval: "1m",
    scheme: "https",
    authorization: { credentials_file: tokenFile },
    // Few clusters sign the certificates of their kubelets.
    tls_config: { insecure_skip_verify: true },
    kubernetes_sd_configs: podsOf([...new Set(volumes.map(({ namespace }) => namespace))]),
    relabel_configs: [
      keep("namespace;pod_label_app", volumes.map(({ namespace, app }) => `${namespace};${app}`).join("|")),
      keep("pod_phase", "Running"),
      kubeletOf("(.+)", `$1:${kubeletPort}`),
      kubeletOf("(.+:.+)", `[$1]:${kubeletPort}`),
    ],
    metric_relabel_configs: [
      {
        source_labels: ["__name__", "namespace", "persistentvolumeclaim"],
        regex: `kubelet_volume_stats_(used|available)_bytes;(${volumes
          .map(({ namespace, claim }) => `${namespace};${claim}`)
          .join("|")})`,
        action: "keep",
      },
    ],
  };
}

/** Asks the kubelet of a pod's node. Pods on one node are one target, since they differ in no label. */
const kubeletOf = (regex: string, replacement: string) => ({
  source_labels: ["__meta_kubernetes_pod_host_ip"],
  regex,
  replacement,
  target_label: "__address__",
});

const podsOf = (names: string[]) => [{ role: "pod", namespaces: { names } }];

/** Keeps the targets whose values of these labels of a pod, joined by `;`, match the pattern. */
const keep = (labels: string, regex: string) => ({
  source_labels: labels.split(";").map((label) => `__meta_kubernetes_${label}`),
  regex,
  action: "keep",
});

const podLabels = [
  // A pod that has ended has an address still.
  { source_labels: ["__meta_kubernetes_pod_phase"], regex: "Succeeded|Failed", action: "drop" },
  { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
  { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
];
