import { describe, expect, it } from "vitest";
import { lossOf, type PlannedStep } from "../../stacks/data-loss";
import { runProgram } from "../program";
import { runnableStack } from "../stack-files";

const step = (type: string, operation: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
  type,
  operation,
  before: {},
  after: {},
  ...more,
});
const volume = "kubernetes:core/v1:PersistentVolumeClaim";

describe("what a step of an update loses", () => {
  it.each([
    [volume, "its data is lost"],
    ["kubernetes:core/v1:PersistentVolume", "its data is lost"],
    ["kubernetes:core/v1:Namespace", "everything in it is deleted too"],
    ["kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "every object of its kind is deleted too"],
    ["kubernetes:argoproj.io/v1alpha1:Application", "the release in it is lost"],
  ])("is told of a %s that is replaced or deleted", (type, loss) => {
    for (const operation of ["replace", "delete"]) expect(lossOf(step(type, operation))).toBe(loss);
    for (const operation of ["create", "update"]) expect(lossOf(step(type, operation))).toBeUndefined();
  });

  it("is what an object says that it holds, before the update or after it", () => {
    const holding = { metadata: { annotations: { "gourmetgram.io/holds": "the recipe" } } };
    const config = "kubernetes:core/v1:ConfigMap";
    expect(lossOf(step(config, "delete", { before: holding }))).toBe("the recipe is lost");
    expect(lossOf(step(config, "replace", { after: holding }))).toBe("the recipe is lost");
    expect(lossOf(step(config, "update", { before: holding, after: holding }))).toBeUndefined();
  });

  it("is nothing for what the program can declare again", () => {
    for (const type of ["kubernetes:core/v1:ConfigMap", "kubernetes:batch/v1:Job", "kubernetes:apps/v1:Deployment"])
      expect(lossOf(step(type, "replace"))).toBeUndefined();
  });
});

it("is told of all of the program that holds models, records, images, releases or the freeze", async () => {
  const { registrations } = await runProgram(runnableStack("staging"));
  const held = registrations.filter(({ type, inputs }) => lossOf(step(type, "delete", { before: inputs })));
  const ofKind = (kind: string) => held.filter(({ type }) => type.endsWith(`:${kind}`)).map(({ name }) => name);
  expect(ofKind("PersistentVolumeClaim")).toEqual(["mlflow-data", "registry-data"]);
  expect(ofKind("Application")).toEqual(["canary-application", "production-application", "staging-application"]);
  expect(ofKind("Namespace")).toEqual([
    "argo-cd-namespace",
    "argo-workflows-namespace",
    "board-namespace",
    "canary-namespace",
    "gateway-namespace",
    "mlflow-namespace",
    "monitoring-namespace",
    "production-namespace",
    "staging-namespace",
  ]);
  expect(ofKind("ConfigMap")).toEqual(["pipeline-freeze", "pipeline-notifications", "pipeline-signing-keys-public"]);
});

it("is told of the volumes of the stores that a stack installs; it has no volume of MLflow's then", async () => {
  const { registrations } = await runProgram(runnableStack("durable"));
  const held = registrations.filter(({ type, inputs }) => lossOf(step(type, "delete", { before: inputs })));
  const claims = held.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
  expect(claims.map(({ name }) => name)).toEqual(["mlflow-artifacts-data", "mlflow-database-data", "registry-data"]);
});
