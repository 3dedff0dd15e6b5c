import { describe, expect, it } from "vitest";
import { divideResources } from "../../stacks/move";

const root = "urn:pulumi:staging::gourmetgram::pulumi:pulumi:Stack::gourmetgram-staging";
const component = (type: string, name: string) => ({
  urn: `urn:pulumi:staging::gourmetgram::${type}::${name}`,
  type,
  parent: root,
});
const environment = (name: string) => component("gourmetgram:release:Environment", name);
const registry = component("gourmetgram:platform:Registry", "registry");
const [staging, canary] = [environment("staging"), environment("canary")];
const resources = [
  { urn: root, type: "pulumi:pulumi:Stack" },
  component("pulumi:providers:kubernetes", "cluster"),
  registry,
  { urn: `${registry.urn}$volume`, type: "kubernetes:core/v1:PersistentVolumeClaim", parent: registry.urn },
  staging,
  canary,
  { urn: `${canary.urn}$namespace`, type: "kubernetes:core/v1:Namespace", parent: canary.urn },
];

describe("what moves from one stack to another", () => {
  it("is the environment that the other one holds; what is in it goes with it", () => {
    expect(divideResources(resources, ["canary", "shadow"], false)).toEqual({
      moved: [canary.urn],
      kept: [registry.urn, staging.urn],
    });
  });

  it("is the platform too where the other one holds that, and no environment of a third", () => {
    expect(divideResources(resources, ["staging"], true)).toEqual({
      moved: [registry.urn, staging.urn],
      kept: [canary.urn],
    });
    expect(divideResources(resources, ["staging", "canary"], true)).toEqual({
      moved: [registry.urn, staging.urn, canary.urn],
      kept: [],
    });
  });

  it("is nothing where the other one holds nothing of it, or it is empty", () => {
    expect(divideResources(resources, ["production"], false).moved).toEqual([]);
    expect(divideResources([], ["canary"], true)).toEqual({ moved: [], kept: [] });
  });
});
