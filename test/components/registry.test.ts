import { describe, expect, it } from "vitest";
import { Registry } from "../../components/platform/registry";
import { catalogue } from "../../images/catalogue";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

async function registry(section: object = {}) {
  const { registry: settings, images } = settingsWith({ registry: section });
  const { registrations, result } = await record({}, () => ({
    address: new Registry("registry", { settings, images: images.catalogue }).address,
  }));
  return { registrations, address: result.address, inputs: (name: string) => one(registrations, name).inputs };
}

describe("Registry", () => {
  it("is a Deployment, its volume and its Service, and nothing on the nodes", async () => {
    const { registrations, address } = await registry();
    expect(childrenOf(registrations, "registry")).toEqual([
      "Deployment registry-deployment",
      "PersistentVolumeClaim registry-data",
      "Service registry-service",
    ]);
    expect(registrations).toHaveLength(4);
    expect(address).toBe("registry.kube-system.svc.cluster.local:5000");
  });

  it("answers at its fixed address, with a ClusterIP that the cluster chooses", async () => {
    expect((await registry()).inputs("registry-service")).toMatchObject({
      metadata: { name: "registry", namespace: "kube-system" },
      spec: { selector: { app: "registry" }, ports: [{ name: "http", port: 5000, targetPort: 5000 }] },
    });
    expect((await registry()).inputs("registry-service").spec).not.toHaveProperty("clusterIP");
  });

  it("has the stack's ClusterIP and size", async () => {
    const { inputs } = await registry({ clusterIp: "10.96.0.50", storage: "5Gi" });
    expect(inputs("registry-service").spec.clusterIP).toBe("10.96.0.50");
    expect(inputs("registry-data").spec).toEqual({
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "5Gi" } },
    });
  });

  it("runs the catalogue's image, one pod at a time, on its volume", async () => {
    const { spec } = (await registry()).inputs("registry-deployment");
    expect(spec).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: "registry" } },
    });
    const [container, ...others] = spec.template.spec.containers;
    expect(others).toEqual([]);
    expect(container.image).toBe(`docker.io/library/registry@${catalogue.registry.digest}`);
    expect(container.volumeMounts).toEqual([
      { name: "data", mountPath: "/var/lib/registry" },
      { name: "tmp", mountPath: "/tmp" },
    ]);
    expect(spec.template.spec.volumes).toEqual([
      { name: "data", persistentVolumeClaim: { claimName: "registry-data" } },
      { name: "tmp", emptyDir: {} },
    ]);
  });

  it("configures the nodes where the stack asks for it", async () => {
    const { registrations, inputs } = await registry({ configureNodes: true, clusterIp: "10.96.0.50" });
    expect(childrenOf(registrations, "registry")).toContain("DaemonSet registry-nodes");
    const pod = inputs("registry-nodes").spec.template.spec;
    expect(pod.volumes).toEqual([
      {
        name: "certs",
        hostPath: {
          path: "/etc/containerd/certs.d/registry.kube-system.svc.cluster.local:5000",
          type: "DirectoryOrCreate",
        },
      },
    ]);
    expect(pod.containers[0]).toMatchObject({
      image: `docker.io/library/registry@${catalogue.registry.digest}`,
      env: [
        {
          name: "HOSTS_TOML",
          value:
            'server = "http://10.96.0.50:5000"\n\n' +
            '[host."http://10.96.0.50:5000"]\n  capabilities = ["pull", "resolve"]\n',
        },
      ],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
        runAsUser: 0,
      },
    });
  });
});
