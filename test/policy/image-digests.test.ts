import { describe, expect, it } from "vitest";
import { imageDigests } from "../../policy/rules/image-digests";
import { pinned, resource, stagingBundle, workflowTemplate, workload } from "./resources";

const container = (image: string, args?: string[]) => ({ name: "c", image, args });
const withoutDigest = "which has no digest: write repository@sha256:…";

describe("an image in a pod", () => {
  it("is named by its digest", () =>
    expect(imageDigests(workload("Deployment", { containers: [container(pinned)] }))).toEqual([]));

  it.each(["nginx", "nginx:1.29", "nginx@sha256:abc"])("is not %s", (image) => {
    expect(
      imageDigests(workload("DaemonSet", { initContainers: [container(image)], containers: [container(pinned)] })),
    ).toEqual([`DaemonSet thing runs ${image} in its container c, ${withoutDigest}`]);
  });

  it("may be handed on in an argument, by its digest too", () => {
    expect(
      imageDigests(
        workload("Deployment", { containers: [container(pinned, [`--executor-image=${pinned}`, "--namespaced"])] }),
      ),
    ).toEqual([]);
    expect(
      imageDigests(workload("Deployment", { containers: [container(pinned, ["--executor-image=argoexec:latest"])] })),
    ).toEqual([`Deployment thing runs argoexec:latest in its container c, ${withoutDigest}`]);
  });
});

describe("an environment's image", () => {
  it("gets its digest from the bundle", () => expect(imageDigests(stagingBundle())).toEqual([]));

  it("must get one there", () => {
    const bundle = stagingBundle();
    const title = "Deployment gourmetgram-staging in ConfigMap staging-bundle";
    const withKustomization = (text: string) => ({
      ...bundle,
      object: { ...bundle.object, data: { ...bundle.object.data, "kustomization.yaml": text } },
    });
    expect(imageDigests(withKustomization("resources: [deployment.yaml]"))).toEqual([
      `${title} runs gourmetgram-app in its container app, ${withoutDigest}`,
    ]);
    expect(
      imageDigests(
        withKustomization("resources: [deployment.yaml]\nimages: [{name: gourmetgram-app, newTag: latest}]"),
      ),
    ).toEqual([`${title} runs gourmetgram-app:latest in its container app, ${withoutDigest}`]);
  });
});

describe("a workflow's image", () => {
  const step = (image: string, valueFrom?: object) =>
    workflowTemplate({
      templates: [{ name: "step", inputs: { parameters: [{ name: "tools-image", valueFrom }] }, container: { image } }],
    });
  const parameter = "{{inputs.parameters.tools-image}}";
  const refused = (image: string) => [
    `WorkflowTemplate thing, template step, runs ${image} in its container main, ${withoutDigest}`,
  ];

  it("comes from an image parameter of a ConfigMap", () => {
    expect(
      imageDigests(step(parameter, { configMapKeyRef: { name: "pipeline-parameters", key: "tools-image" } })),
    ).toEqual([]);
  });

  it("comes from nowhere else", () => {
    expect(imageDigests(step("python:3.13"))).toEqual(refused("python:3.13"));
    expect(imageDigests(step(parameter))).toEqual(refused(parameter));
    expect(
      imageDigests(step(parameter, { configMapKeyRef: { name: "pipeline-parameters", key: "mlflow-uri" } })),
    ).toEqual(refused(parameter));
  });

  it("is handed out by its digest", () => {
    expect(imageDigests(resource("ConfigMap", { data: { "tools-image": pinned, epochs: "3" } }))).toEqual([]);
    expect(imageDigests(resource("ConfigMap", { data: { "tools-image": "tools:latest" } }))).toEqual([
      `ConfigMap thing provides tools:latest as tools-image, ${withoutDigest}`,
    ]);
  });
});
