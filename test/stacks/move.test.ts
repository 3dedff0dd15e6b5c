import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigurationError, readStackFile } from "../../config";
import { missingFileRemedy } from "../../lib/as-root";
import { localContext } from "../../lib/paths";
import { takeLock } from "../../local/cluster/lock";
import { divideResources, moveResources } from "../../stacks/move";
import { runnableStack } from "../stack-files";

vi.mock("../../config", async (original) => {
  const config = await original<typeof import("../../config")>();
  return { ...config, readStackFile: vi.fn(config.readStackFile) };
});

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

describe("a move", () => {
  let folder: string;
  /** A stack `staging` in the local backend, and a Pulumi that notes its calls, as the local one and as a user's. */
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "move-"));
    const [bin, stacks] = [join(folder, "cache", "bin"), join(folder, "pulumi-backend", ".pulumi", "stacks")];
    for (const path of [bin, join(stacks, "gourmetgram")]) mkdirSync(path, { recursive: true });
    writeFileSync(join(stacks, "gourmetgram", "staging.json"), "{}");
    writeFileSync(join(folder, "state.json"), JSON.stringify({ deployment: { resources } }));
    const script = `echo "$*" >> ${folder}/said\ncase "$*" in "stack export"*) cat ${folder}/state.json ;; esac`;
    writeFileSync(join(bin, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv("GOURMETGRAM_STATE", folder);
    vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache"));
    vi.stubEnv("PATH", [bin, "/usr/bin", "/bin"].join(delimiter));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  /** What was asked of Pulumi. */
  const said = () =>
    existsSync(join(folder, "said")) ? readFileSync(join(folder, "said"), "utf8").trim().split("\n") : [];
  /** Has the file of canary be this one, with this context. */
  function canaryIs(context: string, sections = runnableStack("canary")): void {
    const config = { ...sections, "gourmetgram:cluster": { context } };
    vi.mocked(readStackFile).mockReturnValue({ file: { config }, isLocal: context === localContext });
  }

  it.each([localContext, "lab"])(
    "asks nothing of Pulumi where the target's file has a mistake (%s)",
    async (context) => {
      const { "gourmetgram:platform": platform, ...others } = runnableStack("canary");
      canaryIs(context, { ...others, "gourmetgram:platfrom": platform });
      const moved = moveResources("staging", "canary");
      await expect(moved).rejects.toThrow(ConfigurationError);
      await expect(moved).rejects.toThrow("gourmetgram:platfrom: unknown key");
      expect(said()).toEqual([]);
    },
  );

  it("takes the environment that the target's file describes, on a user's own cluster", async () => {
    canaryIs("lab");
    expect(await moveResources("staging", "canary")).toEqual({ names: ["canary"], sourceRemoved: false });
    expect(said()).toEqual([
      "stack export --stack staging --non-interactive",
      "stack select --create canary",
      `state move --yes --source staging --dest canary ${canary.urn} --non-interactive`,
    ]);
  });

  it("is refused while another command changes the local cluster", async () => {
    canaryIs(localContext);
    const release = takeLock();
    await expect(moveResources("staging", "canary")).rejects.toThrow("Another npm start or npm stop is running");
    release();
    expect(said()).toEqual([]);
  });

  it("gives the lock back where there is nothing to move", async () => {
    canaryIs(localContext);
    writeFileSync(join(folder, "state.json"), JSON.stringify({ deployment: { resources: [staging] } }));
    await expect(moveResources("staging", "canary")).rejects.toThrow("there is nothing to move");
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it("says how to find the local stacks where there is no such one", async () => {
    canaryIs(localContext);
    await expect(moveResources("stagin", "canary")).rejects.toThrow(
      `There is no stack stagin on this machine: ${missingFileRemedy()}, or name another one.`,
    );
  });
});
