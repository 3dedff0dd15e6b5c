import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ArgoCd, type ArgoCdArgs } from "../../components/platform/argo-cd";
import { loadManifests, type Manifest } from "../../components/platform/release-manifests";
import { catalogue } from "../../images/catalogue";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const fixture = join(__dirname, "..", "fixtures", "argo-cd.yaml");

async function argoCd(
  section: object = {},
  change: (manifests: Manifest[]) => Manifest[] = (all) => all,
  promotionPath: ArgoCdArgs["promotionPath"] = { a: { port: 1 }, b: { port: 2 } },
  board?: string,
) {
  const { argoCd: settings, exposure, images } = settingsWith({ argoCd: section });
  const manifests = change(await loadManifests(fixture));
  const { registrations, result } = await record({}, () => {
    const args = {
      settings,
      exposure,
      images: images.catalogue,
      manifests,
      promotionPath,
      board,
    };
    const { url, namespace, project } = new ArgoCd("argo-cd", args);
    return { url, namespace, project };
  });
  return { registrations, result, inputs: (name: string) => one(registrations, name).inputs };
}

describe("ArgoCd", () => {
  it("is a namespace, the release, the Service that people open, the cluster and the project", async () => {
    const { registrations, result } = await argoCd();
    expect(childrenOf(registrations, "argo-cd")).toEqual([
      "AppProject argo-cd-project",
      "ConfigGroup argo-cd-release",
      "ConfigGroup argo-cd-release-argocd-redis",
      "ConfigGroup argo-cd-release-workloads",
      "Namespace argo-cd-namespace",
      "Secret argo-cd-cluster",
      "Service argo-cd-exposed-service",
    ]);
    expect(result).toEqual({ url: "http://gourmetgram.example.org:8082", namespace: "argocd", project: "gourmetgram" });
  });

  it("declares only the project if the cluster has Argo CD: no release, and no cluster Secret", async () => {
    const { registrations, result } = await argoCd({ install: false });
    expect(registrations.map(({ name }) => name).sort()).toEqual(["argo-cd", "argo-cd-project"]);
    expect(registrations.filter(({ type }) => type.endsWith(":Secret"))).toEqual([]);
    expect(result.namespace).toBe("argocd");
  });

  it("leads to the board where the stack has one", async () => {
    const chatUrl = async (board?: string) =>
      (await argoCd({}, undefined, undefined, board)).inputs("argocd/argocd-cm").data["help.chatUrl"];
    expect(await chatUrl("http://127.0.0.1:9999")).toBe("http://127.0.0.1:9999");
    expect(await chatUrl()).toBeUndefined();
  });

  it("leaves out the parts that nobody uses", async () => {
    const released = (await loadManifests(fixture)).map(({ metadata }) => metadata.name);
    expect(released).toContain("argocd-dex-server");
    const { registrations } = await argoCd();
    const groups = ["argo-cd-release", "argo-cd-release-argocd-redis", "argo-cd-release-workloads"];
    const installed = groups.flatMap((group) => childrenOf(registrations, group)).map((child) => child.split("/")[1]);
    expect(installed.sort()).toEqual(released.filter((name) => name !== "argocd-dex-server").sort());
  });

  it("starts Redis before the others, which wait for the password that it makes", async () => {
    const { registrations } = await argoCd();
    expect(childrenOf(registrations, "argo-cd-release-argocd-redis")).toEqual(["Deployment argocd/argocd-redis"]);
    expect(one(registrations, "argo-cd-release-workloads").dependencies).toContain("argocd/argocd-redis");
  });

  it("removes the schema of ApplicationSets, which nobody creates, and keeps every other schema", async () => {
    const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object" } } } };
    const definition = (name: string) => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      spec: { versions: [{ name: "v1alpha1", schema }] },
    });
    const { inputs } = await argoCd({}, (all) => [
      ...all,
      definition("applicationsets.argoproj.io"),
      definition("applications.argoproj.io"),
    ]);
    expect(inputs("applicationsets.argoproj.io").spec.versions).toEqual([
      {
        name: "v1alpha1",
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ]);
    expect(inputs("applications.argoproj.io").spec.versions).toEqual([{ name: "v1alpha1", schema }]);
  });

  it("runs the catalogue's images, Redis' first step too", async () => {
    const redis = (await argoCd()).inputs("argocd/argocd-redis").spec.template.spec;
    expect(redis.initContainers[0].image).toBe(`quay.io/argoproj/argocd@${catalogue.argoCd.digest}`);
    expect(redis.containers[0].image).toBe(`docker.io/library/redis@${catalogue.redis.digest}`);
  });

  it("has no administrator, and shows itself to everyone without letting them write", async () => {
    const { inputs } = await argoCd();
    expect(inputs("argocd/argocd-cm").data).toMatchObject({
      "admin.enabled": "false",
      "users.anonymous.enabled": "true",
      "resource.respectRBAC": "strict",
    });
    expect(inputs("argocd/argocd-rbac-cm").data).toEqual({ "policy.default": "role:readonly" });
    expect(inputs("argocd/argocd-cmd-params-cm").data).toEqual({
      "server.insecure": "true",
      "applicationsetcontroller.enable": "false",
    });
  });

  it("looks again within half a minute, and not at a time of its own", async () => {
    expect((await argoCd()).inputs("argocd/argocd-cm").data).toMatchObject({
      "timeout.reconciliation": "30s",
      "timeout.reconciliation.jitter": "0s",
    });
  });

  it("watches what a bundle can hold, and what that makes, and nothing else", async () => {
    expect(JSON.parse((await argoCd()).inputs("argocd/argocd-cm").data["resource.inclusions"])).toEqual([
      { apiGroups: ["apps"], kinds: ["Deployment", "ReplicaSet"], clusters: ["*"] },
      { apiGroups: [""], kinds: ["Service", "Pod"], clusters: ["*"] },
    ]);
  });

  it("may deploy to the namespaces of the environments, from the pipeline's registry, and to no other", async () => {
    const { inputs } = await argoCd();
    expect(inputs("argo-cd-cluster").stringData.value).toMatchObject({
      server: "https://kubernetes.default.svc",
      namespaces: "gourmetgram-a,gourmetgram-b",
      clusterResources: "false",
    });
    expect(inputs("argo-cd-project").spec).toEqual({
      description: "The environments of the GourmetGram food classifier",
      sourceRepos: ["oci://registry.kube-system.svc.cluster.local:5000/bundles/*"],
      destinations: [
        { server: "https://kubernetes.default.svc", namespace: "gourmetgram-a" },
        { server: "https://kubernetes.default.svc", namespace: "gourmetgram-b" },
      ],
      clusterResourceWhitelist: [],
      namespaceResourceWhitelist: [
        { group: "apps", kind: "Deployment" },
        { group: "apps", kind: "ReplicaSet" },
        { group: "", kind: "Service" },
        { group: "", kind: "Pod" },
      ],
    });
  });

  it("deploys to a remote cluster by its name, and not to the same namespace on its own cluster", async () => {
    const { inputs } = await argoCd({}, (all) => all, {
      a: { port: 1 },
      b: { port: 2, cluster: "edge", url: "https://b.example.org" },
    });
    expect(inputs("argo-cd-project").spec.destinations).toEqual([
      { server: "https://kubernetes.default.svc", namespace: "gourmetgram-a" },
      { name: "edge", namespace: "gourmetgram-b" },
    ]);
    expect(inputs("argo-cd-cluster").stringData.value.namespaces).toBe("gourmetgram-a");
  });

  it("refuses a release with an image that is not in the catalogue", async () => {
    const renamed = (manifests: Manifest[]) =>
      JSON.parse(
        JSON.stringify(manifests).replace("public.ecr.aws/docker/library/redis", "public.ecr.aws/valkey/valkey"),
      ) as Manifest[];
    await expect(argoCd({}, renamed)).rejects.toThrow(
      new Error(
        "Deployment argocd-redis runs public.ecr.aws/valkey/valkey:8.2.2-alpine, which is not in the catalogue: " +
          "add it to images/catalogue.ts",
      ),
    );
  });
});
