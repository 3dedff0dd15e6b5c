import { describe, expect, it } from "vitest";
import { belonging } from "../../stacks/move";

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
    expect(belonging(resources, ["canary", "shadow"], false)).toEqual({
      goes: [canary.urn],
      stays: [registry.urn, staging.urn],
    });
  });

  it("is the platform too where the other one holds that, and no environment of a third", () => {
    expect(belonging(resources, ["staging"], true)).toEqual({ goes: [registry.urn, staging.urn], stays: [canary.urn] });
    expect(belonging(resources, ["staging", "canary"], true)).toEqual({
      goes: [registry.urn, staging.urn, canary.urn],
      stays: [],
    });
  });

  it("is nothing where the other one holds nothing of it, or it is empty", () => {
    expect(belonging(resources, ["production"], false).goes).toEqual([]);
    expect(belonging([], ["canary"], true)).toEqual({ goes: [], stays: [] });
  });
});
