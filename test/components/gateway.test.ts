import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TrafficSplit } from "../../components/environments/traffic-split";
import { Gateway } from "../../components/platform/gateway";
import { loadManifests } from "../../components/platform/release-manifests";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { runProgram } from "../program";
import { childrenOf, one, type Registration, record } from "../registrations";
import { runnableStack, settingsWith } from "../stack-files";

const fixture = join(__dirname, "..", "fixtures", "contour.yaml");

async function gateway(section: object = {}) {
  const { gateway: settings, exposure, images } = settingsWith({ gateway: section });
  const manifests = await loadManifests(fixture);
  const { registrations, result } = await record({}, () => {
    const { url, namespace } = new Gateway("gateway", {
      settings: settings!,
      exposure,
      images: images.catalogue,
      manifests,
      backends: ["food-canary", "food-production"],
    });
    return { url, namespace };
  });
  return { registrations, result, inputs: (name: string) => one(registrations, name).inputs };
}

/** Contour's Deployment: a Service, a ConfigMap and an account have the same name. */
const deployment = (registrations: Registration[]) =>
  registrations.find(({ type, name }) => type.endsWith(":Deployment") && name === "gourmetgram-gateway/contour")!
    .inputs;

describe("Gateway", () => {
  it("is Contour with Envoy, and a Gateway that routes of its namespace attach to", async () => {
    const { result, inputs } = await gateway();
    expect(result).toEqual({ url: "http://gourmetgram.example.org:8088", namespace: "gourmetgram-gateway" });
    expect(inputs("gateway-class").spec).toEqual({ controllerName: "projectcontour.io/gateway-controller" });
    expect(inputs("gateway-gateway").spec).toEqual({
      gatewayClassName: "gourmetgram",
      listeners: [{ name: "http", protocol: "HTTP", port: 80, allowedRoutes: { namespaces: { from: "Same" } } }],
    });
    expect(inputs("gateway-exposed-service").spec).toMatchObject({
      selector: { app: "envoy" },
      ports: [{ port: 8088, targetPort: 8080 }],
    });
  });

  it("makes the certificates with its rights, then starts Contour, then Envoy, which waits for Contour", async () => {
    const { registrations } = await gateway();
    const stages = {
      "gateway-release": "gateway-contour-food-canary-role",
      "gateway-release-jobs": "contour",
      "gateway-release-contour": "gourmetgram-gateway/contour-certgen",
      "gateway-release-workloads": "gourmetgram-gateway/contour",
    };
    for (const [stage, before] of Object.entries(stages))
      expect([stage, one(registrations, stage).dependencies]).toEqual([stage, expect.arrayContaining([before])]);
    expect(
      Object.keys(stages)
        .slice(1)
        .flatMap((stage) => childrenOf(registrations, stage)),
    ).toEqual([
      "Job gourmetgram-gateway/contour-certgen",
      "Deployment gourmetgram-gateway/contour",
      "Deployment gourmetgram-gateway/envoy",
    ]);
  });

  it("leaves out the kinds that it never makes, and tells Contour so", async () => {
    const { registrations } = await gateway();
    const definitions = childrenOf(registrations, "gateway-release").filter((child) => child.startsWith("Custom"));
    expect(definitions).toEqual(["CustomResourceDefinition httproutes.gateway.networking.k8s.io"]);
    const contour = deployment(registrations).spec.template.spec;
    expect(contour.containers[0].args).toContain("--disable-feature=tcproutes");
    expect(contour.volumes[1]).toEqual({ name: "contour-config", configMap: { name: "contour" } });
  });

  it("may read Secrets and Services only in its own namespace and in those that it leads to", async () => {
    const { registrations, inputs } = await gateway();
    expect(inputs("contour").rules).toEqual([
      { apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list", "watch"] },
      { apiGroups: ["gateway.networking.k8s.io"], resources: ["gatewayclasses"], verbs: ["get", "list", "watch"] },
    ]);
    for (const [role, namespace] of [
      ["gateway-contour-role", "gourmetgram-gateway"],
      ["gateway-contour-food-canary-role", "food-canary"],
      ["gateway-contour-food-production-role", "food-production"],
    ]) {
      expect(inputs(role).metadata.namespace).toBe(namespace);
      expect(inputs(role).rules).toEqual([
        { apiGroups: [""], resources: ["secrets", "services"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes/status"], verbs: ["update"] },
      ]);
    }
    expect(deployment(registrations).spec.template.spec.containers[0].args).toContain(
      "--watch-namespaces=gourmetgram-gateway,food-canary,food-production",
    );
  });

  it("listens at no port of the node, and runs the catalogue's images", async () => {
    const { spec } = (await gateway()).inputs("gourmetgram-gateway/envoy").spec.template;
    expect(spec.containers[1]).toMatchObject({
      image: `docker.io/envoyproxy/envoy@sha256:${"5".repeat(64)}`,
      ports: [
        { name: "http", containerPort: 8080 },
        { name: "metrics", containerPort: 8002 },
      ],
    });
    expect(JSON.stringify(spec)).not.toContain("hostPort");
    expect(spec.initContainers[0].image).toBe(`ghcr.io/projectcontour/contour@sha256:${"4".repeat(64)}`);
  });

  it("makes the certificates again where that failed", async () => {
    const { inputs } = await gateway();
    expect(inputs("gourmetgram-gateway/contour-certgen").metadata.annotations).toEqual({
      "pulumi.com/replaceUnready": "true",
    });
  });

  it("is only a Gateway of the given class where the cluster has an implementation", async () => {
    const { registrations, inputs } = await gateway({ install: false, className: "traefik", port: 8888 });
    expect(childrenOf(registrations, "gateway")).toEqual(["Gateway gateway-gateway", "Namespace gateway-namespace"]);
    expect(inputs("gateway-gateway").spec).toMatchObject({ gatewayClassName: "traefik", listeners: [{ port: 8888 }] });
  });
});

describe("TrafficSplit", () => {
  const split = () =>
    record({}, () => {
      new TrafficSplit("traffic-split", {
        namespace: "gourmetgram-gateway",
        production: { environment: "production" },
        canary: { environment: "canary" },
      });
    });

  it("begins with all users in production, and leaves the rules to the pipeline from then on", async () => {
    const { inputs, ignoreChanges } = one((await split()).registrations, "traffic-split-route");
    expect(inputs.spec).toEqual({
      parentRefs: [{ name: "gourmetgram", sectionName: "http" }],
      rules: [
        {
          filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["X-Probe"] } }],
          backendRefs: [{ name: "gourmetgram-production-gateway", namespace: "gourmetgram-production", port: 8000 }],
        },
      ],
    });
    expect(ignoreChanges).toEqual(["spec.rules"]);
  });

  it("states the rules that the pipeline would, so that its first look has nothing to put right", async () => {
    const { rules } = one((await split()).registrations, "traffic-split-route").inputs.spec;
    const compare = [
      "import json, sys",
      "from lib import traffic",
      "from lib.inputs import Backend",
      'wanted = traffic.rules(None, Backend("production"), Backend("canary"))',
      "print(traffic.shape(json.loads(sys.argv[1])) == traffic.shape(wanted))",
    ].join("\n");
    const args = ["-c", compare, JSON.stringify(rules)];
    expect((await exec(await python(), args, { cwd: `${repositoryRoot}/workflows` })).trim()).toBe("True");
  });

  it("leads to a Service of each environment that no setting changes and that leads to the app's pods", async () => {
    const { registrations } = await split();
    for (const environment of ["canary", "production"])
      expect(one(registrations, `traffic-split-service-${environment}`).inputs).toMatchObject({
        metadata: { name: `gourmetgram-${environment}-gateway`, namespace: `gourmetgram-${environment}` },
        spec: {
          selector: { app: `gourmetgram-${environment}` },
          ports: [{ name: "http", protocol: "TCP", port: 8000, targetPort: "http" }],
        },
      });
    expect(one(registrations, "traffic-split-route").dependencies).toEqual(
      expect.arrayContaining(["traffic-split-service-canary", "traffic-split-service-production"]),
    );
  });

  it("leads users the same way after another port of production or canary", async () => {
    const staging = runnableStack("staging");
    const environments = staging["gourmetgram:environments"] as Record<string, object>;
    const withPorts = (production: number, canary: number) =>
      runProgram({
        ...staging,
        "gourmetgram:environments": {
          ...environments,
          production: { ...environments.production, port: production },
          canary: { ...environments.canary, port: canary },
        },
      });
    const way = async (production: number, canary: number) => {
      const { registrations } = await withPorts(production, canary);
      return [
        one(registrations, "pipeline-parameters").inputs.data.traffic,
        ...["route", "service-production", "service-canary", "grant-production", "grant-canary"].map(
          (part) => one(registrations, `traffic-split-${part}`).inputs,
        ),
      ];
    };
    expect(await way(8099, 8098)).toEqual(await way(80, 8080));
  });

  it("has its Services before the pipeline leads users to them", async () => {
    const { registrations } = await runProgram(runnableStack("staging"));
    expect(one(registrations, "pipeline").dependencies).toEqual(
      expect.arrayContaining(["traffic-split-service-production", "traffic-split-service-canary"]),
    );
    // New modules read the old settings, which is not so the other way round.
    expect(one(registrations, "pipeline-parameters").dependencies).toContain("pipeline-lib");
  });

  it("allows the route that Service, and for a route of an earlier release the one that people open", async () => {
    const { registrations } = await split();
    for (const environment of ["canary", "production"])
      expect(one(registrations, `traffic-split-grant-${environment}`).inputs).toMatchObject({
        metadata: { namespace: `gourmetgram-${environment}` },
        spec: {
          from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "gourmetgram-gateway" }],
          to: [
            { group: "", kind: "Service", name: `gourmetgram-${environment}-gateway` },
            { group: "", kind: "Service", name: `gourmetgram-${environment}` },
          ],
        },
      });
  });

  it("lets three workflows change that route, and no other", async () => {
    const { registrations } = await split();
    expect(one(registrations, "traffic-split-route-role").inputs.rules).toEqual([
      {
        apiGroups: ["gateway.networking.k8s.io"],
        resources: ["httproutes"],
        resourceNames: ["gourmetgram"],
        verbs: ["get", "patch"],
      },
    ]);
    expect(
      one(registrations, "traffic-split-route-binding").inputs.subjects.map(({ name }: { name: string }) => name),
    ).toEqual(["promote-model", "restore-releases", "shift-traffic"]);
  });

  it("lets one workflow read what canary runs and what both serve, and put canary back", async () => {
    const { registrations } = await split();
    const rules = (name: string) => one(registrations, `traffic-split-${name}-role`).inputs.rules;
    expect(rules("releases")).toEqual([
      {
        apiGroups: ["argoproj.io"],
        resources: ["applications"],
        resourceNames: ["gourmetgram-production"],
        verbs: ["get"],
      },
      {
        apiGroups: ["argoproj.io"],
        resources: ["applications"],
        resourceNames: ["gourmetgram-canary"],
        verbs: ["get", "patch"],
      },
      { apiGroups: [""], resources: ["events"], verbs: ["create"] },
    ]);
    expect(rules("canary")).toEqual([{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }]);
    for (const name of ["releases", "canary"])
      expect(one(registrations, `traffic-split-${name}-binding`).inputs.subjects).toEqual([
        { kind: "ServiceAccount", name: "shift-traffic", namespace: "argo" },
      ]);
  });
});
