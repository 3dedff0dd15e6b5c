import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../../lib/connect";
import { createdApplications, putBackApplications, recordedApplications } from "../../stacks/lost-applications";
import { declaredApplication, image, name } from "./application-program/declared-application";
import type { ControlPlane } from "./control-plane";
import type { Properties } from "./kube-client";
import { type PluginsStack, startPluginsStack } from "./plugins-stack";

const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
/** Under which Pulumi's provider writes, as the stack's state has it. */
const pulumi = "pulumi-kubernetes-12ab";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
let plane: ControlPlane;
let stack: PluginsStack;
beforeAll(async () => {
  stack = await startPluginsStack("none", "application", "application-program");
  plane = stack.plane;
  const create = (path: string, body: object) => plane.client.request("POST", path, { body });
  for (const namespace of ["argocd", name])
    await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await create(definitions, applicationDefinition);
  const isEstablished = /"type":"Established","status":"True"|"status":"True","type":"Established"/;
  await plane.client.follow(definitions, {}, (found) => isEstablished.test(JSON.stringify(found?.status)) || undefined);
  await create(`/apis/apps/v1/namespaces/${name}/deployments`, deployment);
}, 120_000);
afterAll(() => stack?.end());

const apply = (bundle: string): Promise<Properties> =>
  plane.client.request("PATCH", `${applications}/${name}`, {
    query: { fieldManager: pulumi },
    body: declaredApplication(bundle),
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
      inputs: declaredApplication("one"),
      outputs: { __fieldManager: pulumi },
    };
    const cluster = connectTo("test", plane.kubeconfig);
    const notices = await putBackApplications(recordedApplications([recorded]), () => cluster, false);
    expect(notices).toEqual([
      expect.stringMatching(/^The Application gourmetgram-production is gone from the cluster/),
    ]);
    const found = await plane.client.request("GET", `${applications}/${name}`);
    expect(sourceOf(found)).toEqual({
      ...declaredApplication("one").spec.source,
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

describe("Given an Application that neither the cluster nor Pulumi's state has any more", () => {
  const find = () => plane.client.request("GET", `${applications}/${name}`) as Promise<Properties>;
  const up = (bundle: string) => stack.update("up", "--yes", "--skip-preview", "-c", `bundle=${bundle}`);
  const released = (letter: string) => ({ kustomize: { images: [`gourmetgram-app=${image(letter)}`] } });
  beforeAll(() => plane.client.request("DELETE", `${applications}/${name}`));

  it("When the update's preview creates it, Then it is there with its release, and nothing syncs it", async () => {
    const creation = {
      type: "kubernetes:argoproj.io/v1alpha1:Application",
      ...{ operation: "create", before: {}, after: declaredApplication("one") },
    };
    const cluster = connectTo("test", plane.kubeconfig);
    expect(await putBackApplications(createdApplications([creation]), () => cluster, false)).toHaveLength(1);
    const found = await find();
    expect(sourceOf(found)).toMatchObject(released("5"));
    expect(found.spec).not.toHaveProperty("syncPolicy");
  });

  it("Then Pulumi's creation completes it, without a conflict, and leaves the release", async () => {
    expect(await up("one")).toContain("+ 3 created");
    const { spec } = await find();
    const { spec: declared } = declaredApplication("one");
    expect(spec).toEqual({ ...declared, source: { ...declared.source, ...released("5") } });
  }, 120_000);

  it("Then the pipeline releases another version, which Pulumi's updates leave, and takes it back", async () => {
    await release([`gourmetgram-app=${image("6")}`]);
    expect(await up("two")).toContain("~ 1 updated");
    expect(sourceOf(await find())).toMatchObject({ targetRevision: "two", ...released("6") });
    await release(null);
    await up("three");
    expect(sourceOf(await find())).not.toHaveProperty("kustomize.images");
  }, 120_000);
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
const flag = { type: "boolean" };
const syncPolicy = {
  type: "object",
  properties: { automated: { type: "object", properties: { prune: flag, selfHeal: flag } } },
};
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
                  syncPolicy,
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
