import { describe, expect, it } from "vitest";
import { parsePlatformCluster, parseStack } from "../../config";
import type { Cluster } from "../../lib/kube-client";
import { pushedArtifacts } from "../../stacks/lost-artifacts";
import { recordedObjects } from "../../stacks/missing-objects";
import type { Recorded } from "../../stacks/state";
import { forcePatches, plainUpdate, planUpdate, updateArgs } from "../../stacks/update-plan";
import { type Answers, withApiServer } from "../cli/api-server";
import { runProgram } from "../program";
import { runnableStack } from "../stack-files";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const onCluster = "urn:pulumi:staging::gourmetgram::pulumi:providers:kubernetes::cluster::id";
const urnOf = (path: string) => `urn:pulumi:staging::gourmetgram::${path}`;

const images: Recorded = {
  urn: urnOf("gourmetgram:platform:PipelineImages$command:local:Command::images-push"),
  type: "command:local:Command",
  outputs: { stdout: `pushed\n${JSON.stringify({ app: digest("a"), tools: digest("c") })}\n` },
};
const job: Recorded = {
  urn: urnOf("gourmetgram:release:Environment$kubernetes:batch/v1:Job::canary-publish"),
  type: "kubernetes:batch/v1:Job",
  provider: onCluster,
  inputs: {
    spec: {
      template: {
        spec: {
          containers: [
            {
              env: [
                {
                  name: "TARGET",
                  value: "registry.kube-system.svc.cluster.local:5000/bundles/gourmetgram-canary:7f58d53af0b3",
                },
              ],
            },
          ],
        },
      },
    },
  },
};
const volume = (component: string, namespace: string, name: string): Recorded => ({
  urn: urnOf(`${component}$kubernetes:core/v1:PersistentVolumeClaim::${name}`),
  type: "kubernetes:core/v1:PersistentVolumeClaim",
  provider: onCluster,
  inputs: { metadata: { namespace, name } },
});
const registryVolume = volume("gourmetgram:platform:Registry", "kube-system", "registry-data");
const mlflowVolume = volume("gourmetgram:platform:ModelRegistry", "gourmetgram-platform", "mlflow-data");
const stack = [images, job, registryVolume, mlflowVolume];

const claims = (namespace: string, name: string) =>
  `GET /api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
const [registryClaim, mlflowClaim] = [
  claims("kube-system", "registry-data"),
  claims("gourmetgram-platform", "mlflow-data"),
];
const manifest = (repository: string, reference: string) =>
  `GET /api/v1/namespaces/kube-system/services/registry:5000/proxy/v2/${repository}/manifests/${reference}`;
const [app, tools, bundle] = [
  manifest("gourmetgram-app", digest("a")),
  manifest("gourmetgram-tools", digest("c")),
  manifest("bundles/gourmetgram-canary", "7f58d53af0b3"),
];
const applications = "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
const whole: Answers = {
  ...Object.fromEntries([registryClaim, mlflowClaim, app, tools, bundle].map((line) => [line, {}])),
  [applications]: { items: [] },
};
const notFound = [404, { kind: "Status", message: "not found" }];
const manifestUnknown = [404, { errors: [{ code: "MANIFEST_UNKNOWN" }] }];

const both = (cluster: Cluster) => () => ({ own: cluster, platform: cluster });
const planned = (answers: Answers, { refresh = false, resources = stack } = {}) =>
  withApiServer({ ...whole, ...answers }, (cluster) =>
    planUpdate({ ...plainUpdate, refresh }, resources, both(cluster)),
  );

describe("the plan of an update", () => {
  it("is plain where nothing was lost", async () => {
    expect(await planned({})).toEqual(plainUpdate);
    expect(updateArgs(plainUpdate)).toEqual([]);
  });

  it("asks no cluster for a stack that has recorded nothing", async () => {
    const unasked = () => expect.fail("a cluster was asked");
    expect(await planUpdate(plainUpdate, [{ type: "pulumi:pulumi:Stack" }], unasked)).toEqual(plainUpdate);
  });

  it("pushes again what the registry lacks, and nothing else", async () => {
    const plan = await planned({ [bundle]: manifestUnknown });
    expect(updateArgs(plan)).toEqual(["--replace", job.urn]);
    expect(plan.notices).toEqual([
      "The registry no longer has bundles/gourmetgram-canary: what this stack pushed there is pushed again.",
    ]);
    const wiped = [404, { errors: [{ code: "NAME_UNKNOWN" }] }];
    expect((await planned({ [app]: wiped, [tools]: wiped, [bundle]: wiped })).replace).toEqual([images.urn, job.urn]);
  });

  it("leaves the registry as it is while that does not answer", async () => {
    expect(await planned({ [app]: [503, "no endpoints"], [tools]: notFound, [bundle]: [503, ""] })).toEqual(
      plainUpdate,
    );
  });

  it("makes a lost volume again, and pushes everything where that was the registry's", async () => {
    const plan = await planned({ [registryClaim]: notFound });
    expect(updateArgs(plan)).toEqual(["--refresh", "--replace", images.urn, "--replace", job.urn]);
    // The look at the cluster also finds what somebody changed by hand, and that is no reason to stop.
    expect(plan.env).toEqual(forcePatches);
    expect(plan.notices[0]).toBe(
      "PersistentVolumeClaim kube-system/registry-data is gone from the cluster: it is made again, empty.",
    );
    expect(updateArgs(await planned({ [mlflowClaim]: notFound }))).toEqual(["--refresh"]);
  });

  it.each([
    ["gateway.networking.k8s.io/v1:HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes"],
    ["gateway.networking.k8s.io/v1:Gateway", "gateway.networking.k8s.io/v1", "gateways"],
    ["gateway.networking.k8s.io/v1beta1:ReferenceGrant", "gateway.networking.k8s.io/v1beta1", "referencegrants"],
    ["core/v1:Service", "v1", "services"],
  ])("makes what users come in by again: %s", async (type, version, plural) => {
    const lost: Recorded = {
      urn: urnOf(`kubernetes:${type}::part`),
      type: `kubernetes:${type}`,
      provider: onCluster,
      inputs: { metadata: { namespace: "gourmetgram-gateway", name: "gourmetgram" } },
    };
    const root = version === "v1" ? "api" : "apis";
    const line = `GET /${root}/${version}/namespaces/gourmetgram-gateway/${plural}/gourmetgram`;
    const resources = [...stack, lost];
    expect(await planned({ [line]: {} }, { resources })).toEqual(plainUpdate);
    const plan = await planned({ [line]: notFound }, { resources });
    expect(updateArgs(plan)).toEqual(["--refresh"]);
    const kind = type.split(":").at(-1);
    expect(plan.notices).toEqual([
      `${kind} gourmetgram-gateway/gourmetgram is gone from the cluster: it is made again.`,
    ]);
  });

  /** Applications that hold these, and a registry without their images. */
  const holding = (held: Record<string, unknown>): Answers => ({
    [applications]: {
      items: Object.entries(held).map(([name, release]) => ({
        metadata: { annotations: { "gourmetgram.io/last-release": JSON.stringify(release) } },
        spec: { project: "gourmetgram", destination: { namespace: `gourmetgram-${name}` } },
      })),
    },
  });
  const release = (version: string, image: string) => ({ version, digest: digest(image), at: 1 });

  it("names the images of releases that the registry lost, which the pipeline builds again", async () => {
    const plan = await planned({
      ...holding({ staging: release("1.0.7", "7"), canary: release("1.0.6", "6"), production: release("1.0.6", "6") }),
      [manifest("gourmetgram-app", digest("7"))]: {},
      [manifest("gourmetgram-app", digest("6"))]: manifestUnknown,
    });
    expect(plan.lostReleases).toEqual([
      { environment: "canary", version: "1.0.6" },
      { environment: "production", version: "1.0.6" },
    ]);
    expect(plan.notices).toEqual([
      "The registry no longer has the image of 1.0.6, the last release of canary and production: " +
        "after the update the pipeline builds it again from its model.",
    ]);
    expect(updateArgs(plan)).toEqual([]);
  });

  it("names every release with the registry's volume, and none of the base image or of somebody else", async () => {
    const held = holding({ staging: release("1.0.7", "7"), canary: release("base", "b"), production: "nonsense" });
    const plan = await planned({ ...held, [registryClaim]: notFound });
    expect(plan.lostReleases).toEqual([{ environment: "staging", version: "1.0.7" }]);
    expect(plan.notices.at(-1)).toContain("the image of 1.0.7, the last release of staging");
  });

  it("takes the images of a registry that does not answer to be there, and needs no Argo CD", async () => {
    const held = holding({ canary: release("1.0.6", "6") });
    const away = { [manifest("gourmetgram-app", digest("6"))]: [503, "no endpoints"] };
    expect(await planned({ ...held, ...away })).toEqual(plainUpdate);
    expect(await planned({ [applications]: notFound })).toEqual(plainUpdate);
  });

  it("stops where the cluster has nothing of the stack: it may be another one", async () => {
    const empty = { [registryClaim]: notFound, [mlflowClaim]: notFound };
    await expect(planned(empty)).rejects.toThrow(
      new Error(
        "The cluster has none of the 2 objects that this stack has recorded and that were looked for, such as " +
          "PersistentVolumeClaim kube-system/registry-data. Nothing was changed. If it is the wrong cluster, correct " +
          "gourmetgram:cluster in the stack file. If it has lost everything, run npm start -- --refresh, which makes " +
          "everything again.",
      ),
    );
    expect(updateArgs(await planned(empty, { refresh: true }))[0]).toBe("--refresh");
  });

  it("looks at the cluster where a person asks for it", async () => {
    expect(updateArgs(await planned({}, { refresh: true }))).toEqual(["--refresh"]);
  });

  it("fails where the cluster does not let the user look", async () => {
    await expect(planned({ [registryClaim]: [403, { message: "forbidden" }] })).rejects.toThrow("forbidden");
  });
});

describe("what is looked for", () => {
  it("is every volume, namespace, Service, built image, bundle and part of the gateway of the program", async () => {
    const { registrations } = await runProgram(runnableStack("staging"));
    const recorded: Recorded[] = registrations.map(({ type, name, parent, inputs }) => ({
      urn: urnOf(parent === "images" ? `gourmetgram:platform:PipelineImages$${type}::${name}` : `${type}::${name}`),
      type,
      inputs,
      outputs: type === "command:local:Command" ? { stdout: images.outputs!.stdout } : {},
      provider: onCluster,
    }));
    expect(recordedObjects(recorded).map(({ title }) => title)).toEqual([
      "Namespace argocd",
      "Namespace argo",
      "Namespace board",
      "Namespace gourmetgram-canary",
      "Namespace gourmetgram-gateway",
      "Namespace gourmetgram-platform",
      "Namespace monitoring",
      "Namespace gourmetgram-production",
      "Namespace gourmetgram-staging",
      "PersistentVolumeClaim gourmetgram-platform/mlflow-data",
      "PersistentVolumeClaim kube-system/registry-data",
      "Service argocd/argocd-server-exposed",
      "Service argo/argo-server-exposed",
      "Service board/board",
      "Service gourmetgram-gateway/gateway-exposed",
      "Service gourmetgram-gateway/contour",
      "Service gourmetgram-platform/mlflow-exposed",
      "Service gourmetgram-platform/mlflow",
      "Service monitoring/prometheus",
      "Service kube-system/registry",
      "Service gourmetgram-canary/gourmetgram-canary-gateway",
      "Service gourmetgram-production/gourmetgram-production-gateway",
      "Gateway gourmetgram-gateway/gourmetgram",
      "GatewayClass gourmetgram",
      "HTTPRoute gourmetgram-gateway/gourmetgram",
      "ReferenceGrant gourmetgram-canary/gourmetgram",
      "ReferenceGrant gourmetgram-production/gourmetgram",
    ]);
    expect(pushedArtifacts(recorded).map(({ repository }) => repository)).toEqual([
      "gourmetgram-app",
      "gourmetgram-tools",
      "bundles/gourmetgram-canary",
      "bundles/gourmetgram-production",
      "bundles/gourmetgram-staging",
    ]);
  });

  it("is not what is on another cluster", () => {
    const provider = onCluster.replace("::cluster::", "::platform-cluster::");
    expect(recordedObjects([{ ...registryVolume, provider }])).toEqual([]);
  });
});

describe("the platform's cluster of a stack", () => {
  const clusterOf = (platform: string) =>
    parsePlatformCluster(
      parseStack(`config: {gourmetgram:cluster: {context: edge}, gourmetgram:platform: ${platform}}`, "Pulumi.x.yaml"),
    ).context;
  it("is the stack's own, unless it names another", () => {
    expect(clusterOf("{stack: platform}")).toBe("edge");
    expect(clusterOf("{stack: platform, cluster: {context: lab}, apiServer: 'https://a:6443'}")).toBe("lab");
  });
});
