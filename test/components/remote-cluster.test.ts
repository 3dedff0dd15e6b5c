import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../program";
import { childrenOf, one, type Registration } from "../registrations";
import { stacksOfTwoClusters } from "../stack-files";

const { platform, canary } = stacksOfTwoClusters();
let registrations: Registration[];
const inputs = (name: string) => one(registrations, name).inputs;

describe("the stack of an environment on a cluster of its own", () => {
  beforeAll(async () => {
    ({ registrations } = await runProgram(canary, "canary", platform));
  });

  it("has a provider for each of the two clusters", () => {
    expect(inputs("cluster")).toMatchObject({ context: "edge", clusterIdentifier: "edge" });
    expect(inputs("platform-cluster")).toMatchObject({
      context: "gourmetgram-local",
      clusterIdentifier: "gourmetgram-local",
    });
  });

  it("puts what runs on its own cluster, and what deploys and releases it on the platform's", () => {
    const on = (provider: string) =>
      registrations
        .filter((resource) => resource.custom && resource.provider === provider)
        .map(({ name }) => name)
        .sort();
    expect(on("cluster")).toEqual([
      "canary-argocd-binding",
      "canary-argocd-role",
      "canary-cluster-account",
      "canary-cluster-token",
      "canary-namespace",
      "canary-network-policy",
    ]);
    expect(on("platform-cluster")).toEqual([
      "canary-application",
      "canary-bundle",
      "canary-bundle-namespace",
      "canary-cluster-registration",
      "canary-observe-binding",
      "canary-observe-role",
      "canary-publish",
      "canary-release-binding",
      "canary-release-role",
      "canary-repository",
    ]);
    expect(
      registrations
        .filter((resource) => resource.custom && resource.provider === null)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["cluster", "platform-cluster"]);
  });

  it("keeps the resources of stacks that were deployed when the component was called OtherCluster", () => {
    expect(one(registrations, "canary-cluster")).toMatchObject({
      type: "gourmetgram:release:RemoteCluster",
      aliases: ["gourmetgram:release:OtherCluster"],
    });
  });

  it("lets nobody look at pods, since the workflows reach none there", () => {
    expect(childrenOf(registrations, "canary").filter((child) => child.includes("look"))).toEqual([]);
  });

  it("publishes its bundle from its own namespace beside the registry, which enforces the restricted standard", () => {
    const { metadata } = inputs("canary-bundle-namespace");
    expect(metadata).toEqual({ name: "gourmetgram-canary-bundle", labels: inputs("canary-namespace").metadata.labels });
    expect(["canary-bundle", "canary-publish"].map((name) => inputs(name).metadata.namespace)).toEqual([
      "gourmetgram-canary-bundle",
      "gourmetgram-canary-bundle",
    ]);
    expect(inputs("canary-namespace").metadata.name).toBe("gourmetgram-canary");
  });

  it("has Argo CD deploy to that cluster by name, once it is registered and its rights are there", () => {
    const application = one(registrations, "canary-application");
    expect(application.inputs.spec.destination).toEqual({ name: "edge", namespace: "gourmetgram-canary" });
    expect(application.dependencies).toEqual(
      expect.arrayContaining([
        "canary-cluster-registration",
        "canary-argocd-role",
        "canary-argocd-binding",
        "canary-publish",
        "canary-repository",
      ]),
    );
  });

  it("gives the rights of a deployer to the account there, and not to Argo CD's own", () => {
    expect(inputs("canary-argocd-binding").subjects).toEqual([
      { kind: "ServiceAccount", name: "argocd-deployer", namespace: "gourmetgram-canary" },
    ]);
    expect(inputs("canary-cluster-account").metadata).toEqual({
      name: "argocd-deployer",
      namespace: "gourmetgram-canary",
    });
    expect(inputs("canary-cluster-token")).toMatchObject({
      type: "kubernetes.io/service-account-token",
      metadata: {
        name: "argocd-deployer-token",
        namespace: "gourmetgram-canary",
        annotations: { "kubernetes.io/service-account.name": "argocd-deployer" },
      },
    });
  });

  it("registers the cluster with that account's token, for the one namespace, as a secret of Pulumi's", () => {
    const { metadata, stringData } = inputs("canary-cluster-registration");
    expect(metadata).toEqual({
      name: "cluster-edge",
      namespace: "argocd",
      labels: { "argocd.argoproj.io/secret-type": "cluster" },
    });
    // Only what is wrapped as a secret has its value in `value`.
    const { config, ...plain } = stringData.value;
    expect(plain).toEqual({
      name: "edge",
      server: "https://192.0.2.20:6443",
      namespaces: "gourmetgram-canary",
      clusterResources: "false",
    });
    const { bearerToken, tlsClientConfig } = JSON.parse(config);
    expect(JSON.parse(Buffer.from(bearerToken.split(".")[1], "base64url").toString())).toEqual({
      sub: "system:serviceaccount:gourmetgram-canary:argocd-deployer",
    });
    expect(tlsClientConfig).toEqual({ caData: Buffer.from("authority").toString("base64") });
  });

  it("keeps its release on both clusters where it is protected", async () => {
    const kept = await runProgram(
      { ...canary, "gourmetgram:environments": { canary: { protect: true } } },
      "canary",
      platform,
    );
    const names = kept.registrations
      .filter(({ protect }) => protect)
      .map(({ name }) => name)
      .sort();
    expect(names).toEqual(["canary-application", "canary-bundle", "canary-bundle-namespace", "canary-namespace"]);
    expect(registrations.filter(({ protect }) => protect)).toEqual([]);
  });

  it("is refused where the platform has the environment on its own cluster, before anything is declared", async () => {
    await expect(runProgram(canary, "canary")).rejects.toThrow(
      "gourmetgram:platform.cluster: remove it, since the stack platform has canary on the platform's cluster",
    );
  });
});

describe("the stack of a platform with an environment on another cluster", () => {
  beforeAll(async () => {
    ({ registrations } = await runProgram(platform, "platform"));
  });

  it("tells the workflows where they reach it, and that they see no pods there", () => {
    const { environments, "remote-environments": remoteEnvironments } = inputs("pipeline-parameters").data;
    expect(JSON.parse(environments)).toEqual({
      staging: "http://gourmetgram-staging.gourmetgram-staging.svc.cluster.local:8081",
      canary: "http://192.0.2.20:8080",
      production: "http://gourmetgram-production.gourmetgram-production.svc.cluster.local:80",
    });
    expect(remoteEnvironments).toBe('["canary"]');
  });

  it("lets Argo CD deploy to it there, and not to a namespace of that name here", () => {
    expect(inputs("argo-cd-project").spec.destinations).toEqual([
      { server: "https://kubernetes.default.svc", namespace: "gourmetgram-staging" },
      { name: "edge", namespace: "gourmetgram-canary" },
      { server: "https://kubernetes.default.svc", namespace: "gourmetgram-production" },
    ]);
    expect(inputs("argo-cd-cluster").stringData.value.namespaces).toBe("gourmetgram-staging,gourmetgram-production");
  });
});
