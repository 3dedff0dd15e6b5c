import { environmentApp, metricsPortName } from "../environments/environment-bundle";
import { argoCdNamespace, workflowNamespace } from "../shared/workflow-names";

/** What Prometheus is to do. */
export interface PrometheusShape {
  /** Names of the environments whose pods are on its cluster. */
  readonly environments: readonly string[];
  /** Time for which figures are kept, 1 to 90 days. */
  readonly retentionDays: number;
}

/** Name of the file with the alert rules, beside the configuration. */
export const rulesFile = "rules.yaml";
/** Most that the figures may take. The oldest go first. */
const retentionSize = "1GB";
/** Many times what an app tells. A candidate is scraped before any gate has judged it. */
const mostSamples = 5000;
/** Pods of Argo CD, each with the port of its metrics. */
const argoCdPods = ["argocd-application-controller;8082", "argocd-server;8083", "argocd-repo-server;8084"];

/** The content of `prometheus.yml`. Prometheus finds what it asks among the pods of a few namespaces. */
export function prometheusConfig({ environments, retentionDays }: PrometheusShape) {
  return {
    global: { scrape_interval: "30s", evaluation_interval: "15s" },
    storage: { tsdb: { retention: { time: `${retentionDays}d`, size: retentionSize } } },
    rule_files: [rulesFile],
    scrape_configs: [appJob(environments), argoWorkflowsJob(), argoCdJob()],
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
