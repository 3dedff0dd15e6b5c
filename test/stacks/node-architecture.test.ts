import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { buildsImages, nodeArchitecture } from "../../stacks/node-architecture";
import { selectUserStack } from "../../stacks/user-pulumi";
import { kubeconfig, withApiServer } from "../cli/api-server";

const node = (name: string, architecture: string, spec: object = {}, operatingSystem = "linux") => ({
  metadata: { name },
  spec,
  status: { nodeInfo: { architecture, operatingSystem } },
});
const builtFor = (...items: object[]) =>
  withApiServer({ "GET /api/v1/nodes": { items } }, (cluster) => nodeArchitecture(cluster, "amd64"));

describe("building images", () => {
  it("is for the architecture of the nodes, and for this machine's while there is none", async () => {
    expect(await builtFor(node("a", "arm64"), node("b", "arm64"))).toBe("arm64");
    expect(await builtFor()).toBe("amd64");
  });

  it("is refused where the nodes differ, with the way out", async () => {
    await expect(builtFor(node("a", "amd64"), node("b", "arm64"), node("c", "amd64"))).rejects.toThrow(
      new Error(
        "An image is built for one architecture, and the nodes have several: a (amd64), b (arm64), c (amd64). " +
          "Nothing was built. Taint those that the images are not for.",
      ),
    );
  });

  it.each([
    ["is cordoned", node("b", "arm64", { unschedulable: true })],
    ["repels ordinary pods", node("b", "arm64", { taints: [{ effect: "NoSchedule" }] })],
    ["runs Windows", node("b", "arm64", {}, "windows")],
  ])("does not ask for a node that %s", async (_title, other) =>
    expect(await builtFor(node("a", "amd64"), other)).toBe("amd64"),
  );

  it("asks for a node that only prefers other pods", async () => {
    const taints = [{ effect: "PreferNoSchedule" }];
    expect(await builtFor(node("b", "arm64", { taints }))).toBe("arm64");
  });

  it("is known from the stack file", () => {
    expect(buildsImages("staging")).toBe(true);
    expect(buildsImages("canary")).toBe(false);
  });
});

describe("a command that cannot build images for the nodes", () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "node-architecture-"));
    vi.stubEnv("GOURMETGRAM_STATE", state);
    // Whatever is called would not be found.
    vi.stubEnv("PATH", state);
    vi.stubEnv("GOURMETGRAM_IMAGE_BASE", "published");
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

  const refusal = "cannot build images for s390x: images are built for amd64 and arm64 alone";

  it("ends before Pulumi is called: npm start", () =>
    onMainframe(() => expect(selectUserStack("staging")).rejects.toThrow(refusal)));

  it("ends before anything is built: npm run images -- push", () =>
    onMainframe(() =>
      expect(
        exec(process.execPath, ["--require", "tsx/cjs", "cli/images.ts", "push"], {
          cwd: repositoryRoot,
          env: { KUBECONFIG: join(state, "kubeconfig"), GOURMETGRAM_CONTEXT: "gourmetgram-local" },
        }),
      ).rejects.toThrow(refusal),
    ));
});
