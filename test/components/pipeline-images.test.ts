import { describe, expect, it } from "vitest";
import { PipelineImages } from "../../components/pipeline/pipeline-images";
import { builtImageKeys, resolveImages } from "../../images/catalogue";
import { one, record } from "../registrations";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const stated = resolveImages({
  app: { digest: digest("7") },
  train: { digest: digest("8") },
  tools: { digest: digest("9") },
  board: { digest: digest("6") },
});
const repository = "registry.kube-system.svc.cluster.local:5000/gourmetgram";

const pipelineImages = (more: object = {}) =>
  record(
    {},
    () =>
      new PipelineImages("images", {
        images: stated,
        keys: builtImageKeys,
        build: true,
        cluster: { context: "kind" },
        contentKey: "c0ffee",
        ...more,
      }).references,
  );

describe("PipelineImages", () => {
  it("builds where the stack asks, and takes the digests from the build", async () => {
    const { registrations, result } = await pipelineImages();
    expect(registrations).toHaveLength(2);
    expect(one(registrations, "images-push")).toMatchObject({ type: "command:local:Command", parent: "images" });
    expect(result).toEqual({
      app: `${repository}-app@${digest("a")}`,
      train: `${repository}-train@${digest("b")}`,
      tools: `${repository}-tools@${digest("c")}`,
      board: `${repository}-board@${digest("d")}`,
    });
  });

  it("builds for the stack's cluster, and again when the sources change", async () => {
    const { registrations } = await pipelineImages({ cluster: { context: "kind", kubeconfig: "/path/kubeconfig" } });
    expect(one(registrations, "images-push").inputs).toEqual({
      create: "node_modules/.bin/tsx cli/images.ts push app train tools board --json",
      environment: { GOURMETGRAM_CONTEXT: "kind", KUBECONFIG: "/path/kubeconfig" },
      triggers: ["c0ffee"],
      logging: "stderr",
    });
  });

  it("leaves the kubeconfig to its default where the stack names none", async () => {
    expect(one((await pipelineImages()).registrations, "images-push").inputs.environment).toEqual({
      GOURMETGRAM_CONTEXT: "kind",
    });
  });

  it("builds no image that the stack does not run", async () => {
    const { registrations, result } = await pipelineImages({ keys: ["app", "tools"] });
    expect(one(registrations, "images-push").inputs.create).toContain("push app tools --json");
    expect(Object.keys(result)).toEqual(["app", "tools"]);
  });

  it("runs no command where the stack states the digests", async () => {
    const { registrations, result } = await pipelineImages({ build: false });
    expect(registrations.map(({ name }) => name)).toEqual(["images"]);
    expect(result).toEqual({
      app: `${repository}-app@${digest("7")}`,
      train: `${repository}-train@${digest("8")}`,
      tools: `${repository}-tools@${digest("9")}`,
      board: `${repository}-board@${digest("6")}`,
    });
  });
});
