import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
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

  it("leads no user of the gateway there: they are split between the last two", async () => {
    const { traffic } = inputs("pipeline-parameters").data;
    expect(JSON.parse(traffic)).toMatchObject({
      production: { environment: "production" },
      canary: { environment: "canary" },
      steps: [1, 10, 25, 50],
    });
    const routed = registrations.filter(({ name }) => name.startsWith("traffic-split-service-"));
    expect(routed.map(({ name }) => name).sort()).toEqual([
      "traffic-split-service-canary",
      "traffic-split-service-production",
    ]);
    // The steps read it beside the environments of the stack, and write one rule for each share.
    const program = [
      "from lib import inputs, traffic",
      "from lib.last_release import Served",
      "given = inputs.traffic()",
      'split = traffic.decide(None, Served("1.0.7", "sha256:7"), Served("1.0.6", "sha256:6"), given.steps, 0)',
      "for _ in given.steps:",
      "    drawn = traffic.rules(split, given.production, given.canary)[-1]",
      "    print(*(f\"{to['name']}={to['weight']}\" for to in drawn[\"backendRefs\"]))",
      "    split = traffic.advance(split, given.steps, 0, 0)",
    ].join("\n");
    const env = { TRAFFIC: traffic, ENVIRONMENTS: inputs("pipeline-parameters").data.environments };
    const said = await exec(await python(), ["-c", program], { cwd: join(repositoryRoot, "workflows"), env });
    expect(said.trim().split("\n")).toEqual(
      [1, 10, 25, 50].map(
        (share) => `gourmetgram-production-gateway=${100 - share} gourmetgram-canary-gateway=${share}`,
      ),
    );
  });

  it("is split at its own name where it comes before the last one", async () => {
    const renamed = {
      ...stack,
      "gourmetgram:environments": {
        staging: environments.staging,
        shadow: { port: 8083, promotesFrom: "staging" },
        preview: { ...environments.canary, promotesFrom: "shadow" },
        live: { ...environments.production, promotesFrom: "preview" },
      },
    };
    const program = await runProgram(renamed);
    const { traffic } = one(program.registrations, "pipeline-parameters").inputs.data;
    expect(JSON.parse(traffic)).toMatchObject({
      production: { environment: "live" },
      canary: { environment: "preview" },
    });
    const { rules } = one(program.registrations, "traffic-split-route").inputs.spec;
    expect(rules[0].backendRefs[0].name).toBe("gourmetgram-live-gateway");
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
