import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adoptManifests,
  find,
  installManifests,
  loadManifests,
  type Manifest,
} from "../../components/platform/release-manifests";
import { sha256 } from "../local/download-hosts";
import { childrenOf, one, record } from "../registrations";

const object = (kind: string, more: object = {}): Manifest => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "thing" },
  ...more,
});
const workload = (kind: string, pod: object) => object(kind, { spec: { template: { spec: pod } } });

describe("loadManifests", () => {
  const folder = mkdtempSync(join(tmpdir(), "manifests-"));
  const release = "kind: Service\n---\nkind: Deployment";
  let server: Server;
  let base: string;
  const notices: string[] = [];
  /** Loads what the server has at a path, of which nothing or this content is known. */
  const load = (path: string, known?: string) => {
    notices.length = 0;
    const pin = known && { hash: sha256(Buffer.from(known)), source: "the test", checked: null };
    return loadManifests(`${base}${path}`, pin ? { [`${base}${path}`]: pin } : {}, (notice) => notices.push(notice));
  };
  const file = (text: string) => {
    const path = join(folder, "release.yaml");
    writeFileSync(path, text);
    return path;
  };

  beforeAll(async () => {
    const answers: Record<string, [number, string]> = {
      "/release.yaml": [200, release],
      "/page": [200, "<html>Sign in</html>"],
    };
    server = createServer((request, response) => {
      if (request.url === "/cut.yaml") {
        response.writeHead(200, { "content-length": 1000 }).write("kind: Service\n", () => response.destroy());
        return;
      }
      const [status, text] = answers[request.url!] ?? [404, "Not Found"];
      response.writeHead(status).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("reads every document of a file, and passes over empty ones", async () => {
    expect(await loadManifests(file("---\n---\nkind: Service\n---\nkind: Deployment\n---\n"))).toEqual([
      { kind: "Service" },
      { kind: "Deployment" },
    ]);
  });

  it("reads a URL whose content has the known hash", async () => {
    expect(await load("/release.yaml", release)).toEqual([{ kind: "Service" }, { kind: "Deployment" }]);
    expect(notices).toEqual([]);
  });

  it("takes no URL whose content has another hash than the known one", async () => {
    await expect(load("/release.yaml", "kind: Service")).rejects.toThrow(
      new Error(
        `cannot download ${base}/release.yaml (wrong hash: ${sha256(Buffer.from(release))} instead of ` +
          `${sha256(Buffer.from("kind: Service"))}): write the path of a local copy in the stack's configuration`,
      ),
    );
  });

  it("reads a URL of which no hash is known, and says so", async () => {
    expect(await load("/release.yaml")).toEqual([{ kind: "Service" }, { kind: "Deployment" }]);
    expect(notices).toEqual([
      `No hash of ${base}/release.yaml is known, so it is taken unchecked: ` +
        "write the path of a local copy in the stack's configuration",
    ]);
  });

  it("says which file is missing", async () => {
    await expect(loadManifests("/no/such.yaml")).rejects.toThrow(
      new Error(
        "cannot read the manifest /no/such.yaml (ENOENT: no such file or directory, open '/no/such.yaml'): " +
          "correct its path in the stack's configuration",
      ),
    );
  });

  it.each(["", "---\n", "a: 1", "just words", "a: [", "kind: Service\n---\nwords"])(
    "says that %j holds no objects",
    async (text) => {
      const path = file(text);
      await expect(loadManifests(path)).rejects.toThrow(
        new Error(`${path} contains no Kubernetes objects: write the URL or path of a release manifest`),
      );
    },
  );

  it("says that a page is no manifest", async () => {
    await expect(load("/page")).rejects.toThrow(
      new Error(`${base}/page contains no Kubernetes objects: write the URL or path of a release manifest`),
    );
  });

  it("says what the server answered", async () => {
    await expect(load("/gone.yaml")).rejects.toThrow(
      new Error(
        `cannot download ${base}/gone.yaml (HTTP 404): write the path of a local copy in the stack's configuration`,
      ),
    );
  });

  it("takes no manifest that broke off", async () => {
    await expect(load("/cut.yaml")).rejects.toThrow(
      `cannot download ${base}/cut.yaml (cut off after 14 of 1000 bytes): write the path of a local copy`,
    );
  });

  it("says that no server answers", async () => {
    const closed = await closedPort();
    await expect(loadManifests(`http://127.0.0.1:${closed}/x`, {}, () => {})).rejects.toThrow(
      new Error(
        `cannot download http://127.0.0.1:${closed}/x (unreachable: connect ECONNREFUSED 127.0.0.1:${closed}): ` +
          "write the path of a local copy in the stack's configuration",
      ),
    );
  });
});

describe("adoptManifests", () => {
  const adopt = (manifest: Manifest) =>
    adoptManifests([manifest], "argo", (released) => (released === "known:1" ? "mirror/known@sha256:1" : undefined))[0];

  it("puts objects into the namespace, but those of the cluster", () => {
    expect(adopt(object("Secret")).metadata).toEqual({ name: "thing", namespace: "argo" });
    expect(adopt({ ...object("Secret"), metadata: { name: "thing", namespace: "default" } }).metadata.namespace).toBe(
      "argo",
    );
    for (const kind of ["CustomResourceDefinition", "PriorityClass", "ClusterRole", "ClusterRoleBinding", "Namespace"])
      expect(adopt(object(kind)).metadata).toEqual({ name: "thing" });
  });

  it("waits for no Service: it would wait for its workload, which is waited for", () => {
    const metadata = { name: "thing", annotations: { "prometheus.io/port": "80" } };
    expect(adopt({ ...object("Service"), metadata }).metadata.annotations).toEqual({
      "prometheus.io/port": "80",
      "pulumi.com/skipAwait": "true",
    });
    expect(adopt(object("Secret")).metadata.annotations).toBeUndefined();
  });

  it.each(["RoleBinding", "ClusterRoleBinding"])(
    "binds a %s to accounts of the namespace, and leaves users alone",
    (kind) => {
      const subjects = [
        { kind: "ServiceAccount", name: "argo", namespace: "default" },
        { kind: "User", name: "ann" },
      ];
      expect(adopt(object(kind, { subjects })).subjects).toEqual([
        { kind: "ServiceAccount", name: "argo", namespace: "argo" },
        { kind: "User", name: "ann" },
      ]);
      expect(adopt(object(kind)).subjects).toBeUndefined();
    },
  );

  it.each(["Deployment", "StatefulSet", "DaemonSet", "Job"])(
    "replaces every image of a %s and restricts its pod",
    (kind) => {
      const container = {
        name: "c",
        image: "known:1",
        securityContext: { readOnlyRootFilesystem: true, capabilities: { add: ["NET_ADMIN"] } },
      };
      const restricted = {
        name: "c",
        image: "mirror/known@sha256:1",
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
        },
        resources: { requests: { memory: "64Mi" }, limits: { memory: "1Gi" } },
      };
      expect(
        adopt(workload(kind, { initContainers: [container], containers: [{ ...container }] })).spec.template.spec,
      ).toEqual({
        securityContext: { seccompProfile: { type: "RuntimeDefault" }, runAsNonRoot: true },
        initContainers: [restricted],
        containers: [restricted],
      });
    },
  );

  it("keeps the pod's own user, and forces it to be no root", () => {
    const pod = workload("Deployment", { securityContext: { runAsUser: 999, runAsNonRoot: false }, containers: [] });
    expect(adopt(pod).spec.template.spec.securityContext).toEqual({
      seccompProfile: { type: "RuntimeDefault" },
      runAsUser: 999,
      runAsNonRoot: true,
    });
  });

  it("keeps the release's own requests and limits", () => {
    const resources = { requests: { cpu: "10m", memory: "128Mi" }, limits: { cpu: "1", memory: "512Mi" }, claims: [] };
    const adopted = (given: object) =>
      adopt(workload("Deployment", { containers: [{ name: "c", image: "known:1", resources: given }] })).spec.template
        .spec.containers[0].resources;
    expect(adopted(resources)).toEqual(resources);
    expect(adopted({ limits: { cpu: "1" } })).toEqual({
      requests: { memory: "64Mi" },
      limits: { cpu: "1", memory: "1Gi" },
    });
  });

  it("lets no image past the catalogue", () => {
    expect(() => adopt(workload("Deployment", { containers: [{ name: "c", image: "docker.io/other:2" }] }))).toThrow(
      new Error(
        "Deployment thing runs docker.io/other:2, which is not in the catalogue: add it to images/catalogue.ts",
      ),
    );
  });

  it("changes nothing of what it is given", () => {
    const released = workload("Deployment", { containers: [{ name: "c", image: "known:1" }] });
    const copy = structuredClone(released);
    adopt(released);
    expect(released).toEqual(copy);
  });
});

describe("find", () => {
  it("finds by kind and name", () =>
    expect(find([object("Secret"), object("Service")], "Service", "thing")).toEqual(object("Service")));

  it("says what the release lacks", () => {
    expect(() => find([object("Service")], "Deployment", "thing")).toThrow(
      new Error("the release manifest has no Deployment thing: check its version in the stack's configuration"),
    );
  });
});

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("installManifests", () => {
  const pod = { metadata: {}, spec: { selector: { matchLabels: {} }, template: { spec: { containers: [] } } } };
  const named = (apiVersion: string, kind: string, name: string) => ({
    ...pod,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "rights" },
    apiVersion,
    kind,
    metadata: { name, namespace: "argo" },
  });
  const release = [
    named("apps/v1", "StatefulSet", "controller"),
    named("apps/v1", "Deployment", "redis"),
    named("batch/v1", "Job", "certificates"),
    named("rbac.authorization.k8s.io/v1", "RoleBinding", "rights"),
    named("v1", "Service", "address"),
  ];

  it("creates nothing that waits before what it waits for", async () => {
    const { registrations, result } = await record({}, () => {
      const parent = new pulumi.ComponentResource("test:index:Parent", "parent");
      const namespace = new k8s.core.v1.Namespace("argo");
      return installManifests("release", release, parent, [namespace], "redis").apply((installed) => installed.length);
    });
    const stages = ["release", "release-jobs", "release-redis", "release-workloads"];
    expect(childrenOf(registrations, "parent")).toEqual(stages.map((stage) => `ConfigGroup ${stage}`));
    expect(stages.map((stage) => childrenOf(registrations, stage))).toEqual([
      ["RoleBinding argo/rights", "Service argo/address"],
      ["Job argo/certificates"],
      ["Deployment argo/redis"],
      ["StatefulSet argo/controller"],
    ]);
    const needed = ["argo", "argo/address", "argo/rights", "argo/certificates", "argo/redis"];
    expect(stages.map((stage) => one(registrations, stage).dependencies.sort())).toEqual(
      [1, 3, 4, 5].map((count) => needed.slice(0, count).sort()),
    );
    expect(result).toBe(6);
  });
});
