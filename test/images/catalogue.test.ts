import { describe, expect, it } from "vitest";
import {
  catalogue,
  imageKeys,
  imageReference,
  optionalParts,
  resolveImages,
  unpinnedImages,
} from "../../images/catalogue";
import { forgetDigests } from "../unknown-digests";

forgetDigests();
const digest = `sha256:${"d".repeat(64)}`;

describe("resolveImages", () => {
  it("is the catalogue itself where a stack says nothing", () => {
    expect(resolveImages({})).toEqual(catalogue);
  });

  it("changes the stated fields of one image and nothing else", () => {
    expect(resolveImages({ argoCd: { tag: "v3.2.7", digest } })).toEqual({
      ...catalogue,
      argoCd: { repository: "quay.io/argoproj/argocd", tag: "v3.2.7", digest },
    });
  });

  it("moves every upstream image to the mirror, and no own one", () => {
    const repositories = Object.fromEntries(
      Object.entries(resolveImages({}, "mirror.example.org:5000/all")).map(([key, image]) => [key, image.repository]),
    );
    expect(repositories).toEqual({
      app: "registry.kube-system.svc.cluster.local:5000/gourmetgram-app",
      train: "registry.kube-system.svc.cluster.local:5000/gourmetgram-train",
      tools: "registry.kube-system.svc.cluster.local:5000/gourmetgram-tools",
      board: "registry.kube-system.svc.cluster.local:5000/gourmetgram-board",
      registry: "mirror.example.org:5000/all/library/registry",
      mlflow: "mirror.example.org:5000/all/mlflow/mlflow",
      postgres: "mirror.example.org:5000/all/library/postgres",
      versitygw: "mirror.example.org:5000/all/versity/versitygw",
      argoWorkflowController: "mirror.example.org:5000/all/argoproj/workflow-controller",
      argoExec: "mirror.example.org:5000/all/argoproj/argoexec",
      argoServer: "mirror.example.org:5000/all/argoproj/argocli",
      argoCd: "mirror.example.org:5000/all/argoproj/argocd",
      redis: "mirror.example.org:5000/all/library/redis",
      contour: "mirror.example.org:5000/all/projectcontour/contour",
      envoy: "mirror.example.org:5000/all/envoyproxy/envoy",
      prometheus: "mirror.example.org:5000/all/prom/prometheus",
    });
  });

  it("leaves an image where its override puts it, mirror or not", () => {
    expect(resolveImages({ redis: { repository: "example.org/valkey" } }, "mirror.example.org").redis).toEqual({
      ...catalogue.redis,
      repository: "example.org/valkey",
    });
  });
});

describe("unpinnedImages", () => {
  it("names the upstream images without a digest, never the own ones", () => {
    expect(unpinnedImages(resolveImages({}), optionalParts)).toEqual(
      imageKeys.filter((key) => !["app", "train", "tools", "board"].includes(key) && catalogue[key].digest === null),
    );
    const pinned = resolveImages(Object.fromEntries(imageKeys.map((key) => [key, { digest }])));
    expect(unpinnedImages(pinned, optionalParts)).toEqual([]);
    expect(unpinnedImages({ ...pinned, redis: { ...catalogue.redis, digest: null } }, optionalParts)).toEqual([
      "redis",
    ]);
  });

  it("asks for the images of a part of the platform only where the stack installs it", () => {
    const without = unpinnedImages(resolveImages({}), []);
    expect(without).not.toContain("contour");
    expect(unpinnedImages(resolveImages({}), ["gateway"])).toEqual([...without, "contour", "envoy"]);
    expect(unpinnedImages(resolveImages({}), ["monitoring"])).toEqual([...without, "prometheus"]);
  });
});

describe("the catalogue", () => {
  it.each(imageKeys)("%s has a fixed tag, and a digest that is one or still to come", (key) => {
    const { repository, tag, digest: pinned } = catalogue[key];
    expect(repository).toMatch(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/);
    expect(pinned ?? digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    if (!repository.startsWith("registry.kube-system")) expect(tag).toMatch(/^(distroless-)?v?\d+\.\d+/);
  });
});

describe("imageReference", () => {
  it("carries the digest alone", () => {
    expect(imageReference({ repository: "example.org/a", tag: "1", digest })).toBe(`example.org/a@${digest}`);
    expect(imageReference({ repository: "example.org/a", tag: "1", digest: null }, digest)).toBe(
      `example.org/a@${digest}`,
    );
  });

  it("refuses an image without one", () => {
    expect(() => imageReference({ repository: "example.org/a", tag: "1", digest: null })).toThrow(
      "example.org/a:1 has no digest",
    );
  });
});
