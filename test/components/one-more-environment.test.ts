import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../program";
import { one, type Registration } from "../registrations";
import { runnableStack } from "../stack-files";

/** The shipped stack with a fourth environment, by configuration alone. */
const stack = runnableStack("staging");
const environments = stack["gourmetgram:environments"] as Record<string, object>;
const withShadow = {
  ...stack,
  "gourmetgram:environments": {
    ...environments,
    shadow: { port: 8083, promotesFrom: "staging" },
    canary: { ...environments.canary, promotesFrom: "shadow" },
  },
};

describe("an environment shadow between staging and canary", () => {
  let registrations: Registration[];
  let outputs: any;
  const inputs = (name: string) => one(registrations, name).inputs;
  const accounts = (name: string) => inputs(name).subjects.map((subject: { name: string }) => subject.name);

  beforeAll(async () => {
    ({ registrations, outputs } = await runProgram(withShadow));
  });

  it("has its namespace, its Application and its address", () => {
    expect(inputs("shadow-namespace").metadata.name).toBe("gourmetgram-shadow");
    expect(inputs("shadow-application").spec.destination).toEqual({
      server: "https://kubernetes.default.svc",
      namespace: "gourmetgram-shadow",
    });
    expect(Object.keys(outputs.urls)).toEqual([
      "staging",
      "shadow",
      "canary",
      "production",
      "mlflow",
      "argoWorkflows",
      "argoCd",
      "gateway",
      "board",
    ]);
    expect([outputs.urls.shadow, outputs.namespaces.shadow]).toEqual([
      "http://gourmetgram.example.org:8083",
      "gourmetgram-shadow",
    ]);
  });

  it("is one of the namespaces that Argo CD may deploy to", () => {
    const namespaces = ["gourmetgram-staging", "gourmetgram-shadow", "gourmetgram-canary", "gourmetgram-production"];
    expect(
      inputs("argo-cd-project").spec.destinations.map(({ namespace }: { namespace: string }) => namespace),
    ).toEqual(namespaces);
    expect(inputs("argo-cd-cluster").stringData.value.namespaces).toBe(namespaces.join(","));
  });

  it("is released to by promotions alone", () => {
    expect(inputs("shadow-release-role").rules).toEqual([
      {
        apiGroups: ["argoproj.io"],
        resources: ["applications"],
        resourceNames: ["gourmetgram-shadow"],
        verbs: ["get", "patch"],
      },
      { apiGroups: [""], resources: ["events"], verbs: ["create"] },
    ]);
    expect(accounts("shadow-release-binding")).toEqual(["promote-model", "restore-releases"]);
    expect(accounts("staging-release-binding")).toEqual(["deploy-container-image", "revert-staging"]);
    expect(accounts("shadow-observe-binding")).toEqual(["collect-old-versions", "revert-staging"]);
  });

  it("is told to the workflows, in its place", () => {
    expect(inputs("pipeline-parameters").data.environments).toBe(
      JSON.stringify({
        staging: "http://gourmetgram-staging.gourmetgram-staging.svc.cluster.local:8081",
        shadow: "http://gourmetgram-shadow.gourmetgram-shadow.svc.cluster.local:8083",
        canary: "http://gourmetgram-canary.gourmetgram-canary.svc.cluster.local:8080",
        production: "http://gourmetgram-production.gourmetgram-production.svc.cluster.local:80",
      }),
    );
    const [source, target] = inputs("pipeline-promote-model").spec.arguments.parameters;
    expect([source, target]).toEqual([
      { name: "source-environment", enum: ["staging", "shadow", "canary"], value: "canary" },
      { name: "target-environment", enum: ["shadow", "canary", "production"], value: "production" },
    ]);
  });

  it("is where the pipeline promotes to by itself, and canary no more", () => {
    const { variables } = inputs("pipeline-admission-policy").spec;
    const expression = (name: string) =>
      variables.find((variable: { name: string }) => variable.name === name).expression;
    expect([expression("nextEnvironment"), expression("laterEnvironments")]).toEqual([
      '"shadow"',
      '["canary","production"]',
    ]);
  });

  it("adds to the shipped stack the resources of one environment", async () => {
    const shipped = await runProgram(stack);
    const names = new Set(shipped.registrations.map(({ name }) => name));
    const added = registrations.map(({ name }) => name).filter((name) => !names.has(name));
    const canary = registrations
      .map(({ name }) => name)
      .filter((name) => name === "canary" || name.startsWith("canary-"));
    expect(added).toEqual(canary.map((name) => name.replace("canary", "shadow")));
  });
});
