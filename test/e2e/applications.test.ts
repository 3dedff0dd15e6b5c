import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../../lib/kube-client";
import { putBackApplications, recordedApplications } from "../../stacks/lost-applications";
import { type ControlPlane, startControlPlane } from "./control-plane";
import type { Properties } from "./kube-client";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const image = (letter: string) => `registry:5000/gourmetgram-app@${digest(letter)}`;
const name = "gourmetgram-production";
const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
/** Under which Pulumi's provider writes, as the stack's state has it. */
const pulumi = "pulumi-kubernetes-12ab";

/** What the program declares of an Application: no release. */
const declared = (bundle: string) => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Application",
  metadata: { name, namespace: "argocd", annotations: { "gourmetgram.io/base-image": image("b") } },
  spec: {
    project: "gourmetgram",
    destination: { namespace: name, server: "https://kubernetes.default.svc" },
    source: { repoURL: "oci://registry/bundles/production", targetRevision: bundle, path: "." },
  },
});

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  const create = (path: string, body: object) => plane.client.request("POST", path, { body });
  for (const namespace of ["argocd", name])
    await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await create(definitions, applicationDefinition);
  const isEstablished = /"type":"Established","status":"True"|"status":"True","type":"Established"/;
  await plane.client.follow(definitions, {}, (found) => isEstablished.test(JSON.stringify(found?.status)) || undefined);
  await create(`/apis/apps/v1/namespaces/${name}/deployments`, deployment);
});
afterAll(() => plane?.stop());

const apply = (bundle: string): Promise<Properties> =>
  plane.client.request("PATCH", `${applications}/${name}`, {
    query: { fieldManager: pulumi },
    body: declared(bundle),
    contentType: "application/apply-patch+yaml",
  });
const release = (images: string[] | null): Promise<Properties> =>
  plane.client.request("PATCH", `${applications}/${name}`, {
    query: { fieldManager: "promotion-pipeline" },
    body: { spec: { source: { kustomize: { images } } } },
    contentType: "application/merge-patch+json",
  });
const sourceOf = ({ spec }: Properties) => (spec as { source: Properties }).source;

describe("Given an Application with a release, which somebody deletes", () => {
  beforeAll(async () => {
    await apply("one");
    await release([`gourmetgram-app=${image("5")}`]);
    await plane.client.request("DELETE", `${applications}/${name}`);
  });

  it("When it is put back, Then it has the release that its Deployment runs", async () => {
    const recorded = {
      type: "kubernetes:argoproj.io/v1alpha1:Application",
      inputs: declared("one"),
      outputs: { __fieldManager: pulumi },
    };
    const cluster = connectTo("test", plane.kubeconfig);
    const notices = await putBackApplications(recordedApplications([recorded]), () => cluster, false);
    expect(notices).toEqual([
      expect.stringMatching(/^The Application gourmetgram-production is gone from the cluster/),
    ]);
    const found = await plane.client.request("GET", `${applications}/${name}`);
    expect(sourceOf(found)).toEqual({
      ...declared("one").spec.source,
      kustomize: { images: [`gourmetgram-app=${image("5")}`] },
    });
  });

  it("Then Pulumi's next update changes what it declares, without a conflict, and leaves the release", async () => {
    expect(sourceOf(await apply("two"))).toMatchObject({
      targetRevision: "two",
      kustomize: { images: [`gourmetgram-app=${image("5")}`] },
    });
  });

  it("Then the pipeline releases another version, which Pulumi's updates leave too, and takes it back", async () => {
    await release([`gourmetgram-app=${image("6")}`]);
    expect(sourceOf(await apply("three"))).toMatchObject({ kustomize: { images: [`gourmetgram-app=${image("6")}`] } });
    expect(sourceOf(await release(null))).not.toHaveProperty("kustomize.images");
    expect(sourceOf(await apply("four"))).not.toHaveProperty("kustomize.images");
  });
});

const labels = { app: name };
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "app", image: image("5") }] } },
  },
};

/** As much of Argo CD's definition as matters here: which fields are lists, and which are required. */
const text = { type: "string" };
const applicationDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "applications.argoproj.io" },
  spec: {
    group: "argoproj.io",
    names: { kind: "Application", plural: "applications" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            required: ["metadata", "spec"],
            properties: {
              spec: {
                type: "object",
                required: ["destination", "project"],
                properties: {
                  project: text,
                  destination: { type: "object", properties: { namespace: text, server: text, name: text } },
                  source: {
                    type: "object",
                    required: ["repoURL"],
                    properties: {
                      repoURL: text,
                      targetRevision: text,
                      path: text,
                      kustomize: { type: "object", properties: { images: { type: "array", items: text } } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
