import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { Monitoring } from "../../components/platform/monitoring";
import { prometheusConfig } from "../../components/platform/prometheus-config";
import { repositoryRoot } from "../../lib/paths";
import { runProgram } from "../program";
import { childrenOf, one, type Registration, record } from "../registrations";
import { runnableStack, settingsWith, stacksOfTwoClusters } from "../stack-files";

/** Namespaces whose pods Prometheus asks, or whose volumes it asks their nodes about. */
const scraped = ["argocd", "argo", "gourmetgram-platform", "kube-system"];
const shape = { environments: ["staging", "canary", "production"], retentionDays: 7 };

async function monitoring() {
  const { images, monitoring: settings, promotionPath } = settingsWith({ monitoring: {} });
  const { registrations } = await record({}, () => {
    new Monitoring("monitoring", {
      settings: settings!,
      promotionPath,
      images: images.catalogue,
      folder: join(repositoryRoot, "monitoring"),
    });
  });
  return { registrations, inputs: (name: string) => one(registrations, name).inputs };
}

const reader = (namespace: string) => ({
  role: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
  subjects: [{ kind: "ServiceAccount", name: "prometheus", namespace: "monitoring" }],
  namespace,
});

function rights(registrations: Registration[], name: string) {
  const role = one(registrations, `${name}-role`).inputs;
  const binding = one(registrations, `${name}-binding`).inputs;
  return { role: role.rules, subjects: binding.subjects, namespace: role.metadata.namespace };
}

describe("Monitoring", () => {
  it("is a Prometheus with its configuration and rules, which may find pods and read kubelets' figures", async () => {
    const { registrations, inputs } = await monitoring();
    expect(childrenOf(registrations, "monitoring")).toEqual([
      "ClusterRole monitoring-kubelets-role",
      "ClusterRoleBinding monitoring-kubelets-binding",
      "ConfigMap monitoring-configuration",
      "Deployment monitoring-deployment",
      "Namespace monitoring-namespace",
      "Role monitoring-argo-role",
      "Role monitoring-argocd-role",
      "Role monitoring-gourmetgram-platform-role",
      "Role monitoring-kube-system-role",
      "RoleBinding monitoring-argo-binding",
      "RoleBinding monitoring-argocd-binding",
      "RoleBinding monitoring-gourmetgram-platform-binding",
      "RoleBinding monitoring-kube-system-binding",
      "Service monitoring-service",
      "ServiceAccount monitoring-account",
    ]);
    for (const namespace of scraped)
      expect(rights(registrations, `monitoring-${namespace}`)).toEqual(reader(namespace));
    expect(rights(registrations, "monitoring-kubelets")).toEqual({
      role: [{ apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] }],
      subjects: [{ kind: "ServiceAccount", name: "prometheus", namespace: "monitoring" }],
      namespace: undefined,
    });
    const { data } = inputs("monitoring-configuration");
    expect(load(data["prometheus.yml"])).toEqual(prometheusConfig(shape));
    expect(data["rules.yaml"]).toContain("alert: EnvironmentDown");
  });

  it("runs without privileges, within limits, and is reached inside the cluster only", async () => {
    const { inputs } = await monitoring();
    const pod = inputs("monitoring-deployment").spec.template.spec;
    const [container] = pod.containers;
    expect(pod).toMatchObject({ serviceAccountName: "prometheus", securityContext: { runAsNonRoot: true } });
    expect(container.image).toMatch(/^docker\.io\/prom\/prometheus@sha256:/);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } });
    expect(container.resources.limits).toEqual({ memory: "512Mi" });
    // The figures may grow past the retention of 1 GB before the oldest block goes.
    expect(pod.volumes[1]).toEqual({ name: "figures", emptyDir: { sizeLimit: "2Gi" } });
    const { spec } = inputs("monitoring-service");
    expect(spec).toEqual({
      selector: { app: "prometheus" },
      ports: [{ name: "http", port: 9090, targetPort: "http" }],
    });
    expect(inputs("monitoring-namespace").metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });
});

describe("the program with a section monitoring", () => {
  const parameters = (registrations: Registration[]) => one(registrations, "pipeline-parameters").inputs.data;

  it("lets Prometheus find the pods of each environment, and tells the workflows where it is", async () => {
    const { registrations, outputs } = await runProgram(runnableStack("staging"), "staging");
    for (const environment of ["staging", "canary", "production"])
      expect(rights(registrations, `${environment}-prometheus`)).toEqual(reader(`gourmetgram-${environment}`));
    expect(parameters(registrations)["prometheus-url"]).toBe("http://prometheus.monitoring.svc.cluster.local:9090");
    expect(outputs.namespaces.monitoring).toBe("monitoring");
  });

  it("tells them of a Prometheus that the stack does not install, and gives it no rights", async () => {
    const url = "https://prometheus.example.org/lab";
    const stack = { ...runnableStack("staging"), "gourmetgram:monitoring": { install: false, url } };
    const { registrations } = await runProgram(stack, "staging");
    expect(parameters(registrations)["prometheus-url"]).toBe(url);
    expect(registrations.filter(({ name }) => /monitoring|prometheus/.test(name))).toEqual([]);
  });

  it("says nothing of a Prometheus where there is none", async () => {
    const { "gourmetgram:monitoring": _, ...stack } = runnableStack("staging");
    const { registrations } = await runProgram(stack, "staging");
    expect(parameters(registrations)).not.toHaveProperty("prometheus-url");
    expect(registrations.filter(({ name }) => /monitoring|prometheus/.test(name))).toEqual([]);
  });

  it("leaves out an environment on another cluster, whose pods it does not reach", async () => {
    const stacks = stacksOfTwoClusters();
    const { platform } = stacks;
    const { registrations } = await runProgram(platform, "platform");
    const text = one(registrations, "monitoring-configuration").inputs.data["prometheus.yml"];
    expect(text).toContain("gourmetgram-production");
    expect(text).not.toContain("gourmetgram-canary");
    const canary = await runProgram(stacks.canary, "canary", platform);
    expect(canary.registrations.filter(({ name }) => name.includes("prometheus"))).toEqual([]);
  });
});
