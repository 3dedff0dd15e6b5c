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
  nodeAddresses: ["10.200.0.1", "10.200.0.2"],
  manifests: {
    argoWorkflows: "/cache/argo-workflows.yaml",
    argoCd: "/cache/argo-cd.yaml",
    contour: "/cache/contour.yaml",
  },
  images: Object.fromEntries(
    imageKeys.map((key) => [key, { repository: `mirror/${key.toLowerCase()}`, tag: "local", digest }]),
  ),
  addresses: ["192.0.2.2", "fd00::2"],
};
const loopbackFlag = { listen: { address: "127.0.0.1", hosts: [] }, byFlag: true };
const shipped = parseStack(readFileSync(join(repositoryRoot, "Pulumi.staging.yaml"), "utf8"), "Pulumi.staging.yaml");

describe("the local stack", () => {
  it("makes settings of the shipped stack file that the program takes", () => {
    const settings = parseSettings(settingsOf(localStack(shipped, local)));
    expect(settings.cluster).toEqual({ context: "gourmetgram-local", kubeconfig: "/state/kubeconfig" });
    expect(settings.exposure).toMatchObject({
      type: "externalIPs",
      addresses: ["10.200.0.1", "10.200.0.2"],
      host: "127.0.0.1",
    });
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

  describe("that other machines reach", () => {
    const section = { type: "LoadBalancer", host: "food.example.org" };
    const exposureOf = (changes: Partial<LocalValues>, listen?: object) => {
      const file = { config: { ...shipped.config, "gourmetgram:exposure": { ...section, ...(listen && { listen }) } } };
      return parseSettings(settingsOf(localStack(file, { ...local, ...changes }))).exposure;
    };
    const flag = { listen: { address: "0.0.0.0", hosts: [] }, byFlag: true };

    it.each<[string, Partial<LocalValues>, object | undefined, object | undefined]>([
      ["one address", {}, { address: "192.0.2.2" }, { address: "192.0.2.2", hosts: ["192.0.2.2"] }],
      ["every IPv4 address", { listen: flag }, undefined, { address: "0.0.0.0", hosts: ["192.0.2.2"] }],
      ["every address", {}, { address: "::" }, { address: "::", hosts: ["192.0.2.2", "[fd00::2]"] }],
      [
        "a floating IP",
        {},
        { address: "0.0.0.0", hosts: ["203.0.113.7"] },
        { address: "0.0.0.0", hosts: ["203.0.113.7", "192.0.2.2"] },
      ],
      [
        "a flag rather than the file",
        { listen: flag },
        { address: "::" },
        { address: "0.0.0.0", hosts: ["192.0.2.2"] },
      ],
      ["the file if the last start had it from there", { listen: { ...flag, byFlag: false } }, undefined, undefined],
      ["nothing by the flag 127.0.0.1", { listen: loopbackFlag }, { address: "::" }, undefined],
      ["nothing by the setting 127.0.0.1", {}, { address: "127.0.0.1" }, undefined],
    ])("names the hosts that people open: %s", (_title, changes, listen, expected) => {
      const exposure = exposureOf(changes, listen);
      expect(exposure.listen).toEqual(expected);
      expect(exposure.host).toBe((expected as { hosts: string[] } | undefined)?.hosts[0] ?? "127.0.0.1");
    });

    it("has pages whose links are for this machine if they are not open", () =>
      expect(exposureOf({}, { address: "0.0.0.0", only: "environments" }).host).toBe("127.0.0.1"));

    it("names these hosts to MLflow with the port that it has on this machine", () => {
      const hostsOf = (mlflowPort?: number) => {
        const file = { config: { ...shipped.config, "gourmetgram:modelRegistry": { hosts: ["192.0.2.2:28000"] } } };
        const values = { ...local, listen: { ...flag, listen: { address: "::", hosts: [] } }, mlflowPort };
        return parseSettings(settingsOf(localStack(file, values))).modelRegistry.hosts;
      };
      expect(hostsOf(28000)).toEqual(["192.0.2.2:28000", "[fd00::2]:28000"]);
      expect(hostsOf(80)).toEqual(["192.0.2.2:28000"]);
      expect(hostsOf()).toEqual(["192.0.2.2:28000"]);
    });

    it("is the same for a stack that has only environments, whose platform has opened the ports", () => {
      const canary = parseStack(readFileSync(join(repositoryRoot, "Pulumi.canary.yaml"), "utf8"), "Pulumi.canary.yaml");
      const recorded = { listen: { address: "0.0.0.0", hosts: ["203.0.113.7"] }, byFlag: false };
      const { exposure } = parseSettings(settingsOf(localStack(canary, { ...local, listen: recorded })));
      expect([exposure.host, exposure.listen]).toEqual(["203.0.113.7", undefined]);
    });
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
