import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output";
import * as yaml from "js-yaml";
import { describe, expect, it } from "vitest";
import { bundleTag } from "../../components/environments/bundle";
import { Environment, type EnvironmentArgs } from "../../components/environments/environment";
import type { Platform } from "../../components/environments/platform";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const registryAddress = "registry.kube-system.svc.cluster.local:5000";

/** Canary of the shipped stack, or another environment, with some of what it takes from the platform replaced. */
async function environment({
  platform,
  name = "canary",
  ...more
}: Partial<Omit<EnvironmentArgs, "platform">> & { platform?: Partial<Platform>; name?: string } = {}) {
  const { environments, exposure, promotionPath } = settingsWith();
  const { registrations, result } = await record({}, () => {
    const { url, namespace } = new Environment(name, {
      environment: name,
      settings: environments[name],
      exposure,
      platform: {
        images: {
          app: `${registryAddress}/gourmetgram-app@${digest("a")}`,
          tools: `${registryAddress}/gourmetgram-tools@${digest("c")}`,
        },
        project: "gourmetgram",
        rolloutTimeoutSeconds: 120,
        promotionPath,
        ...platform,
      },
      ...more,
    });
    return { url, namespace };
  });
  return { registrations, result, inputs: (name: string) => one(registrations, name).inputs };
}

describe("Environment", () => {
  it("is made of these resources, and no Deployment or Service of its own", async () => {
    const { registrations, result } = await environment();
    expect(childrenOf(registrations, "canary")).toEqual([
      "Application canary-application",
      "ConfigMap canary-bundle",
      "Job canary-publish",
      "Namespace canary-namespace",
      "NetworkPolicy canary-network-policy",
      "Role canary-argocd-role",
      "Role canary-look-role",
      "Role canary-observe-role",
      "Role canary-release-role",
      "RoleBinding canary-argocd-binding",
      "RoleBinding canary-look-binding",
      "RoleBinding canary-observe-binding",
      "RoleBinding canary-release-binding",
      "Secret canary-repository",
    ]);
    expect(registrations).toHaveLength(15);
    expect(result).toEqual({ url: "http://gourmetgram.example.org:8080", namespace: "gourmetgram-canary" });
  });

  it("lets a drain take one of several pods at a time; one pod alone it holds back from no drain", async () => {
    const settings = { memory: "256Mi", replicas: 2, answersKept: 0, protect: false };
    expect((await environment({ settings })).inputs("canary-evictions")).toMatchObject({
      metadata: { name: "gourmetgram-canary", namespace: "gourmetgram-canary" },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: "gourmetgram-canary" } } },
    });
    const alone = await environment({ settings: { ...settings, replicas: 1 } });
    expect(childrenOf(alone.registrations, "canary")).not.toContain("PodDisruptionBudget canary-evictions");
  });

  it("admits no pod outside the restricted standard", async () => {
    expect((await environment()).inputs("canary-namespace").metadata).toEqual({
      name: "gourmetgram-canary",
      labels: { "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted" },
    });
  });
});

describe("the bundle of an environment", () => {
  it("is published under the hash of its content", async () => {
    const { inputs } = await environment();
    const files = inputs("canary-bundle").data;
    const tag = bundleTag(files);
    expect(inputs("canary-publish").metadata.name).toBe(`gourmetgram-canary-publish-${tag}`);
    const [container] = inputs("canary-publish").spec.template.spec.containers;
    expect(container.env).toEqual([{ name: "TARGET", value: `${registryAddress}/bundles/gourmetgram-canary:${tag}` }]);
    expect(container.image).toBe(`${registryAddress}/gourmetgram-tools@${digest("c")}`);
    expect(inputs("canary-application").spec.source.targetRevision).toBe(tag);
  });

  it("holds the Deployment and the Service by the document's names", async () => {
    const files = (await environment()).inputs("canary-bundle").data;
    expect(yaml.load(files["deployment.yaml"])).toMatchObject({
      kind: "Deployment",
      metadata: { name: "gourmetgram-canary", labels: { app: "gourmetgram-canary" } },
    });
    expect(yaml.load(files["service.yaml"])).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "gourmetgram-canary",
        labels: { app: "gourmetgram-canary" },
        annotations: { "argocd.argoproj.io/ignore-healthcheck": "true" },
      },
      spec: {
        selector: { app: "gourmetgram-canary" },
        type: "LoadBalancer",
        ports: [{ name: "http", protocol: "TCP", port: 8080, targetPort: "http" }],
      },
    });
    expect(yaml.load(files["metrics-service.yaml"])).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "gourmetgram-canary-metrics", labels: { app: "gourmetgram-canary" } },
      spec: {
        selector: { app: "gourmetgram-canary" },
        clusterIP: "None",
        ports: [{ name: "metrics", protocol: "TCP", port: 9100, targetPort: "metrics" }],
      },
    });
  });

  it("is pushed with each of its files", async () => {
    const { inputs } = await environment();
    const [container] = inputs("canary-publish").spec.template.spec.containers;
    const packed = /tar -C \/bundle -chf \S+ (.*)$/m.exec(container.command.at(-1))![1].split(" ");
    expect(packed.sort()).toEqual(Object.keys(inputs("canary-bundle").data).sort());
  });

  it("is known but for the image while that is yet to be built, so that a preview shows the limits", async () => {
    const { inputs } = await environment({
      platform: {
        images: {
          app: pulumi.output(unknown as unknown as string),
          tools: `${registryAddress}/gourmetgram-tools@${digest("c")}`,
        },
      },
    });
    const { data } = (await environment()).inputs("canary-bundle");
    expect(inputs("canary-bundle").data).toEqual({
      "deployment.yaml": data["deployment.yaml"],
      "service.yaml": data["service.yaml"],
      "metrics-service.yaml": data["metrics-service.yaml"],
    });
  });

  it("has its Job replaced by deletion first, since its name is fixed", async () => {
    expect(one((await environment()).registrations, "canary-publish").deleteBeforeReplace).toBe(true);
  });

  it("is published anew, by a Job of another name, when the limit changes", async () => {
    const more = await environment({ settings: { memory: "512Mi", replicas: 1, answersKept: 0, protect: false } });
    const { inputs } = await environment();
    expect(more.inputs("canary-publish").metadata.name).not.toBe(inputs("canary-publish").metadata.name);
    expect(more.inputs("canary-application").spec.source.targetRevision).not.toBe(
      inputs("canary-application").spec.source.targetRevision,
    );
  });
});

describe("the Application of an environment", () => {
  it("deploys the bundle, and says nothing of the release", async () => {
    const { inputs } = await environment();
    const { metadata, spec } = inputs("canary-application");
    expect(metadata).toEqual({
      name: "gourmetgram-canary",
      namespace: "argocd",
      labels: { "gourmetgram.io/stack": "test" },
      annotations: { "gourmetgram.io/base-image": `${registryAddress}/gourmetgram-app@${digest("a")}` },
    });
    expect(spec).toEqual({
      project: "gourmetgram",
      destination: { server: "https://kubernetes.default.svc", namespace: "gourmetgram-canary" },
      source: {
        repoURL: `oci://${registryAddress}/bundles/gourmetgram-canary`,
        targetRevision: bundleTag(inputs("canary-bundle").data),
        path: ".",
      },
      syncPolicy: {
        automated: { prune: true, selfHeal: true },
        retry: { limit: 5, backoff: { duration: "5s", factor: 2, maxDuration: "1m" } },
      },
    });
    expect(spec.source).not.toHaveProperty("kustomize");
    expect(metadata).not.toHaveProperty("finalizers");
  });

  it("reads its repository over plain HTTP", async () => {
    const { metadata, stringData } = (await environment()).inputs("canary-repository");
    expect(metadata).toEqual({
      name: "gourmetgram-canary-bundles",
      namespace: "argocd",
      labels: { "argocd.argoproj.io/secret-type": "repository" },
    });
    expect(stringData.value).toEqual({
      type: "oci",
      name: "gourmetgram-canary",
      url: `oci://${registryAddress}/bundles/gourmetgram-canary`,
      insecureOCIForceHttp: "true",
    });
  });
});

describe("the rights on an environment", () => {
  const accounts = (binding: Record<string, any>) =>
    binding.subjects.map((subject: any) => `${subject.namespace}/${subject.name}`);

  it("let promotions release to this one Application, and to no other", async () => {
    const { inputs } = await environment();
    expect(inputs("canary-release-role")).toMatchObject({
      metadata: { name: "gourmetgram-canary-release", namespace: "argocd" },
      rules: [
        {
          apiGroups: ["argoproj.io"],
          resources: ["applications"],
          resourceNames: ["gourmetgram-canary"],
          verbs: ["get", "patch"],
        },
        { apiGroups: [""], resources: ["events"], verbs: ["create"] },
      ],
    });
    expect(accounts(inputs("canary-release-binding"))).toEqual(["argo/promote-model", "argo/restore-releases"]);
    expect(inputs("canary-release-binding").roleRef).toEqual({
      apiGroup: "rbac.authorization.k8s.io",
      kind: "Role",
      name: "gourmetgram-canary-release",
    });
  });

  it("let deployments and reverts release to staging, and others read its Application", async () => {
    const { inputs } = await environment({ name: "staging" });
    expect(accounts(inputs("staging-release-binding"))).toEqual(["argo/deploy-container-image", "argo/revert-staging"]);
    expect(inputs("staging-observe-role").rules).toEqual([
      {
        apiGroups: ["argoproj.io"],
        resources: ["applications"],
        resourceNames: ["gourmetgram-staging"],
        verbs: ["get"],
      },
    ]);
    expect(accounts(inputs("staging-observe-binding"))).toEqual([
      "argo/build-container-image",
      "argo/test-staging",
      "argo/promote-model",
      "argo/collect-old-versions",
    ]);
    expect(accounts((await environment()).inputs("canary-observe-binding"))).toEqual([
      "argo/collect-old-versions",
      "argo/revert-staging",
    ]);
  });

  it("let releasers and observers look at the pods and the Deployment, and change nothing", async () => {
    expect(accounts((await environment({ name: "staging" })).inputs("staging-look-binding"))).toEqual(
      [
        "deploy-container-image",
        "revert-staging",
        "build-container-image",
        "test-staging",
        "promote-model",
        "collect-old-versions",
      ].map((account) => `argo/${account}`),
    );
    const { inputs } = await environment();
    expect(accounts(inputs("canary-look-binding"))).toEqual([
      "argo/promote-model",
      "argo/restore-releases",
      "argo/collect-old-versions",
      "argo/revert-staging",
    ]);
    expect(inputs("canary-look-role")).toMatchObject({
      metadata: { namespace: "gourmetgram-canary" },
      rules: [
        { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["gourmetgram-canary"], verbs: ["get"] },
      ],
    });
  });

  it("let Argo CD write what a bundle holds and read what that makes", async () => {
    const { inputs } = await environment();
    const write = ["get", "list", "watch", "create", "update", "patch", "delete"];
    expect(inputs("canary-argocd-role").rules).toEqual([
      { apiGroups: ["apps"], resources: ["deployments"], verbs: write },
      { apiGroups: [""], resources: ["services"], verbs: write },
      { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "list"] },
    ]);
    expect(accounts(inputs("canary-argocd-binding"))).toEqual(["argocd/argocd-application-controller"]);
  });

  it("let the app be reached on its port, its metrics by pods of the cluster, and let it reach nothing", async () => {
    expect((await environment()).inputs("canary-network-policy").spec).toEqual({
      podSelector: { matchLabels: { app: "gourmetgram-canary" } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { ports: [{ protocol: "TCP", port: 8000 }] },
        { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: 9100 }] },
      ],
      egress: [],
    });
  });
});
