import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSettings, parseStack, settingsOf } from "../../config";
import { imageKeys } from "../../images/catalogue";
import { repositoryRoot } from "../../lib/paths";
import { type LocalValues, localStack, renderStack } from "../../stacks/local-settings";

const digest = `sha256:${"a".repeat(64)}`;
const local: LocalValues = {
  kubeconfig: "/state/kubeconfig",
  manifests: {
    argoWorkflows: "/cache/argo-workflows.yaml",
    argoCd: "/cache/argo-cd.yaml",
    contour: "/cache/contour.yaml",
  },
  images: Object.fromEntries(
    imageKeys.map((key) => [key, { repository: `mirror/${key.toLowerCase()}`, tag: "local", digest }]),
  ),
};
const shipped = parseStack(readFileSync(join(repositoryRoot, "Pulumi.staging.yaml"), "utf8"), "Pulumi.staging.yaml");

describe("the local stack", () => {
  it("makes settings of the shipped stack file that the program takes", () => {
    const settings = parseSettings(settingsOf(localStack(shipped, local)));
    expect(settings.cluster).toEqual({ context: "gourmetgram-local", kubeconfig: "/state/kubeconfig" });
    expect(settings.exposure).toMatchObject({ type: "externalIPs", addresses: ["10.200.0.1"], host: "127.0.0.1" });
    expect(settings.registry.clusterIp).toBe("10.96.0.50");
    expect(settings.argoCd).toMatchObject({ manifests: "/cache/argo-cd.yaml", crds: [] });
    expect(settings.images.catalogue.mlflow).toEqual({ repository: "mirror/mlflow", tag: "local", digest });
  });

  it("keeps what the file says for itself", () => {
    const file = {
      config: {
        ...shipped.config,
        "gourmetgram:exposure": { type: "LoadBalancer", ports: { mlflow: 8500 } },
        "gourmetgram:pipeline": { epochs: 9 },
      },
    };
    const settings = parseSettings(settingsOf(localStack(file, local)));
    expect([settings.exposure.ports.mlflow, settings.pipeline.epochs]).toEqual([8500, 9]);
  });

  it("drops what belongs to another kind of exposure", () => {
    const file = {
      config: { ...shipped.config, "gourmetgram:exposure": { type: "NodePort", nodePorts: { staging: 30081 } } },
    };
    expect(() => parseSettings(settingsOf(localStack(file, local)))).not.toThrow();
  });

  it("lets a mistake of the file through to the program's own check", () => {
    const file = { config: { ...shipped.config, "gourmetgram:pipeline": { epoch: 9 } } };
    expect(() => parseSettings(settingsOf(localStack(file, local)))).toThrow(/pipeline\.epoch: unknown key/);
  });

  it.each<[string, unknown, string]>([
    ["a list", ["clusterIp"], "write a mapping, not a list"],
    ["empty", null, "empty: write a mapping"],
  ])("leaves a section that is %s to that check", (_title, section, message) => {
    const file = { config: { ...shipped.config, "gourmetgram:registry": section } };
    expect(() => parseSettings(settingsOf(localStack(file, local)))).toThrow(`gourmetgram:registry: ${message}`);
  });

  it("leaves the file that it was given as it was", () => {
    const before = structuredClone(shipped);
    localStack(shipped, local);
    expect(shipped).toEqual(before);
  });

  it("comes back from its text as it was", () => {
    const file = { ...localStack(shipped, local), encryptionsalt: "v1:x:y" };
    expect(parseStack(renderStack(file), "x")).toEqual(JSON.parse(JSON.stringify(file)));
  });

  it("says which file isn't YAML", () =>
    expect(() => parseStack("a: [", "Pulumi.staging.yaml")).toThrow(/^Pulumi\.staging\.yaml is not valid YAML/));
});
