import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { buildsImages, machineArchitecture, refuseOtherArchitecture } from "../../stacks/node-architecture";
import { selectUserStack } from "../../stacks/user-pulumi";
import { kubeconfig, withApiServer } from "../cli/api-server";

const node = (name: string, architecture: string, spec: object = {}, operatingSystem = "linux") => ({
  metadata: { name },
  spec,
  status: { nodeInfo: { architecture, operatingSystem } },
});
const build = (machine: string, ...items: object[]) =>
  withApiServer({ "GET /api/v1/nodes": { items } }, (cluster) => refuseOtherArchitecture(cluster, machine));

describe("the architecture of this machine", () => {
  it.each([
    ["x64", "amd64"],
    ["arm64", "arm64"],
    ["ppc64", "ppc64"],
  ])("is %s for Node.js and %s for Kubernetes", (name, expected) => expect(machineArchitecture(name)).toBe(expected));
});

describe("building images", () => {
  it("is refused on an arm64 laptop for amd64 nodes, with the way out", async () => {
    await expect(build("arm64", node("a", "amd64"), node("b", "arm64"), node("c", "amd64"))).rejects.toThrow(
      new Error(
        "this machine builds images for arm64, and these nodes could not run them: a (amd64), c (amd64). " +
          "Nothing was built. Build on a machine of their architecture, as in CI. " +
          "If the nodes differ, taint those that the images do not fit.",
      ),
    );
  });

  it("is allowed where all nodes fit, and while there is none", async () => {
    await build("amd64", node("a", "amd64"), node("b", "amd64"));
    await build("amd64");
  });

  it.each([
    ["is cordoned", node("b", "arm64", { unschedulable: true })],
    ["repels ordinary pods", node("b", "arm64", { taints: [{ effect: "NoSchedule" }] })],
    ["runs Windows", node("b", "arm64", {}, "windows")],
  ])("does not ask for a node that %s", async (_title, other) => build("amd64", node("a", "amd64"), other));

  it("asks for a node that only prefers other pods", async () => {
    const taints = [{ effect: "PreferNoSchedule" }];
    await expect(build("amd64", node("b", "arm64", { taints }))).rejects.toThrow("b (arm64)");
  });

  it("is known from the stack file", () => {
    expect(buildsImages("staging")).toBe(true);
    expect(buildsImages("canary")).toBe(false);
  });
});

describe("a command that builds images for nodes of another architecture", () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "node-architecture-"));
    vi.stubEnv("GOURMETGRAM_STATE", state);
    // Whatever is called would not be found.
    vi.stubEnv("PATH", state);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(state, { recursive: true });
  });

  const onMainframe = (use: () => Promise<unknown>) =>
    withApiServer(
      { "GET /version": {}, "GET /api/v1/nodes": { items: [node("z", "s390x")] } },
      async (_cluster, _calls, url) => {
        writeFileSync(join(state, "kubeconfig"), kubeconfig(url).replace(/"food"/g, '"gourmetgram-local"'));
        await use();
      },
    );

  it("ends before Pulumi is called: npm start", () =>
    onMainframe(() => expect(selectUserStack("staging")).rejects.toThrow("could not run them: z (s390x)")));

  it("ends before anything is built: npm run images -- push", () =>
    onMainframe(() =>
      expect(
        exec(process.execPath, ["--import", "tsx", "cli/images.ts", "push"], {
          cwd: repositoryRoot,
          env: { KUBECONFIG: join(state, "kubeconfig"), GOURMETGRAM_CONTEXT: "gourmetgram-local" },
        }),
      ).rejects.toThrow("could not run them: z (s390x)"),
    ));
});
