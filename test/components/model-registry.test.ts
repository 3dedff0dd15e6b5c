import { describe, expect, it } from "vitest";
import { ModelRegistry } from "../../components/platform/model-registry";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const nodePorts = {
  staging: 30081,
  canary: 30080,
  production: 30000,
  mlflow: 30800,
  argoWorkflows: 30746,
  argoCd: 30082,
  board: 30090,
};

async function modelRegistry(sections: Record<string, unknown> = {}, hasPrometheus?: boolean) {
  const { modelRegistry: settings, exposure, images } = settingsWith(sections);
  const { registrations, result } = await record({}, () => {
    const { url, namespace } = new ModelRegistry("mlflow", {
      settings,
      exposure,
      images: images.catalogue,
      toolsImage: "tools@sha256:0",
      hasPrometheus,
    });
    return { url, namespace };
  });
  const container = one(registrations, "mlflow-deployment").inputs.spec.template.spec.containers[0];
  const values = (option: string): string[] =>
    container.args
      .find((arg: string) => arg.startsWith(`--${option}=`))
      .split("=")[1]
      .split(",");
  return { registrations, result, container, values, inputs: (name: string) => one(registrations, name).inputs };
}

describe("ModelRegistry", () => {
  it("is a namespace, a volume, a Deployment, and a Service inside and one outside", async () => {
    const { registrations, result } = await modelRegistry();
    expect(childrenOf(registrations, "mlflow")).toEqual([
      "Deployment mlflow-deployment",
      "Namespace mlflow-namespace",
      "PersistentVolumeClaim mlflow-data",
      "Service mlflow-exposed-service",
      "Service mlflow-service",
    ]);
    expect(registrations).toHaveLength(6);
    expect(result).toEqual({ url: "http://gourmetgram.example.org:8000", namespace: "gourmetgram-platform" });
  });

  it("answers at its fixed address, whatever the exposed port", async () => {
    const { inputs, result } = await modelRegistry({
      exposure: { type: "externalIPs", addresses: ["192.0.2.1"], ports: { mlflow: 5050 } },
    });
    expect(inputs("mlflow-service")).toMatchObject({
      metadata: { name: "mlflow", namespace: "gourmetgram-platform" },
      spec: { selector: { app: "mlflow" }, ports: [{ name: "http", port: 8000, targetPort: 8000 }] },
    });
    expect(inputs("mlflow-exposed-service").spec).toEqual({
      selector: { app: "mlflow" },
      type: "ClusterIP",
      externalIPs: ["192.0.2.1"],
      ports: [{ name: "http", protocol: "TCP", port: 5050, targetPort: 8000 }],
    });
    expect(result.url).toBe("http://192.0.2.1:5050");
  });

  it("keeps everything on its one volume, with one pod at a time", async () => {
    const { inputs, container } = await modelRegistry({ modelRegistry: { storage: "3Gi" } });
    expect(inputs("mlflow-data").spec.resources.requests.storage).toBe("3Gi");
    expect(inputs("mlflow-deployment").spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    expect(container.args).toEqual(expect.arrayContaining(["--workers=1"]));
    expect(container.env).toEqual(
      expect.arrayContaining([
        { name: "MLFLOW_BACKEND_STORE_URI", value: "sqlite:////data/mlflow.db" },
        { name: "MLFLOW_ARTIFACTS_DESTINATION", value: "/data/artifacts" },
      ]),
    );
    expect(container.image).toBe(`ghcr.io/mlflow/mlflow@sha256:${"1".repeat(64)}`);
  });

  it("upgrades the tables before it starts, with the server's image, volume and restrictions", async () => {
    const { inputs, container } = await modelRegistry();
    const { initContainers } = inputs("mlflow-deployment").spec.template.spec;
    const { image, resources, securityContext, volumeMounts } = container;
    expect(resources.limits).toEqual({ memory: "2Gi" });
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(initContainers).toEqual([
      {
        name: "migrate",
        command: ["mlflow", "db", "upgrade", "sqlite:////data/mlflow.db"],
        env: [
          { name: "HOME", value: "/tmp" },
          { name: "MLFLOW_BACKEND_STORE_URI", value: "sqlite:////data/mlflow.db" },
          { name: "MLFLOW_ARTIFACTS_DESTINATION", value: "/data/artifacts" },
        ],
        ...{ image, resources, securityContext, volumeMounts },
      },
    ]);
  });

  const inside = ["", ".gourmetgram-platform", ".gourmetgram-platform.svc", ".gourmetgram-platform.svc.cluster.local"]
    .map((domain) => `mlflow${domain}`)
    .flatMap((name) => [name, `${name}:8000`]);
  const local = ["localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "[::1]", "[[]::1]:*"];

  it.each([
    [
      "the stack's host",
      { exposure: { type: "LoadBalancer", host: "food.example.org" } },
      ["food.example.org", "food.example.org:8000"],
    ],
    [
      "every node's address",
      { exposure: { type: "externalIPs", addresses: ["192.0.2.1", "192.0.2.2"], ports: { mlflow: 5050 } } },
      ["192.0.2.1", "192.0.2.1:5050", "192.0.2.2", "192.0.2.2:5050"],
    ],
    [
      "the node port",
      { exposure: { type: "NodePort", nodePorts, host: "node.example.org" } },
      ["node.example.org", "node.example.org:30800"],
    ],
    [
      "the port that leads to the node port",
      { exposure: { type: "NodePort", nodePorts, portsMapped: true, host: "node.example.org" } },
      ["node.example.org", "node.example.org:8000"],
    ],
    [
      "what the local cluster is open at",
      {
        cluster: { context: "gourmetgram-local" },
        exposure: {
          ...{ type: "externalIPs", addresses: ["10.200.0.1"], host: "203.0.113.7" },
          listen: { address: "::", hosts: ["203.0.113.7", "[fd00::2]"] },
        },
      },
      ["203.0.113.7", "10.200.0.1", "[fd00::2]"].flatMap((host) => [host, `${host}:8000`]),
    ],
    [
      "an ingress",
      {
        exposure: { type: "LoadBalancer", host: "food.example.org" },
        modelRegistry: { hosts: ["models.example.org", "food.example.org", "models.example.org:8443"] },
      },
      ["food.example.org", "food.example.org:8000", "models.example.org", "models.example.org:8443"],
    ],
  ])(
    "lets in the names of its Service, localhost and %s, and pages of these hosts",
    async (_title, sections, outside) => {
      const { values } = await modelRegistry(sections);
      const published = [...inside, ...outside];
      expect(values("allowed-hosts")).toEqual([...local, ...published]);
      expect(values("cors-allowed-origins")).toEqual(
        published.flatMap((host) => [`http://${host}`, `https://${host}`]),
      );
    },
  );

  it("tells its figures, at the address of each pod, where a Prometheus collects them", async () => {
    const { container, values } = await modelRegistry({}, true);
    expect(values("expose-prometheus")).toEqual(["/tmp/figures"]);
    expect(values("allowed-hosts").slice(-2)).toEqual(["$(POD_IP):8000", "[[]$(POD_IP)]:8000"]);
    expect(container.env).toContainEqual({ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } });
    const without = await modelRegistry();
    expect(JSON.stringify(without.container)).not.toMatch(/prometheus|POD_IP/);
  });
});
