import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { handOver, pendingObjects, resumeUpdate } from "../../stacks/interrupted-update";

const manager = "pulumi-kubernetes-0a1b2c3d";
const creating = (token: string, inputs: Record<string, unknown>) => ({
  type: "creating",
  resource: { type: token, inputs },
});
const deployment = creating("kubernetes:apps/v1:Deployment", {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "mlflow", namespace: "platform" },
});
const namespace = creating("kubernetes:core/v1:Namespace", {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "platform" },
});

describe("what a killed update was creating", () => {
  it("is known by kind and name", () => {
    expect(pendingObjects([deployment, namespace])).toEqual([
      { kind: "Deployment.v1.apps", name: "mlflow", namespace: "platform" },
      { kind: "Namespace", name: "platform", namespace: undefined },
    ]);
  });

  it("is nothing of what was updated or deleted, nor of another provider's", () => {
    expect(
      pendingObjects([
        { ...deployment, type: "updating" },
        { ...namespace, type: "deleting" },
        creating("command:local:Command", { create: "true" }),
      ]),
    ).toEqual([]);
  });

  it("is handed over to a manager that the provider takes over from, and nothing else is", () => {
    const fields = [
      { manager: "kube-controller-manager", operation: "Update" },
      { manager, operation: "Apply" },
    ];
    expect(handOver(fields)).toEqual([
      { op: "test", path: "/metadata/managedFields/1/manager", value: manager },
      { op: "replace", path: "/metadata/managedFields/1/manager", value: "kubectl-interrupted" },
      { op: "replace", path: "/metadata/managedFields/1/operation", value: "Update" },
    ]);
    expect(handOver(fields.slice(0, 1))).toEqual([]);
  });
});

describe("the update after it", () => {
  let folder: string;
  const checkpoint = () => join(folder, "staging.json");
  const record = (pending_operations?: object[]) =>
    writeFileSync(checkpoint(), JSON.stringify({ checkpoint: { latest: { pending_operations } } }));
  const said = () => readFileSync(join(folder, "said"), "utf8").trim().split("\n");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "interrupted-"));
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin", "pulumi"), '#!/bin/sh\necho "$1 $2" >> "$GOURMETGRAM_STATE/said"\n', {
      mode: 0o755,
    });
    vi.stubEnv("GOURMETGRAM_STATE", folder);
    vi.stubEnv("GOURMETGRAM_CACHE", folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it("is as any other where nothing was cut short", async () => {
    record();
    await expect(resumeUpdate("staging", checkpoint(), () => expect.fail("kubectl was called"))).resolves.toEqual({});
  });

  it("takes over what exists, and lets the state forget what was pending", async () => {
    record([deployment, namespace]);
    const calls: string[][] = [];
    const kubectl = async (...args: string[]) => {
      calls.push(args);
      return args.includes("Namespace")
        ? ""
        : JSON.stringify({ metadata: { managedFields: [{ manager, operation: "Apply" }] } });
    };
    await expect(resumeUpdate("staging", checkpoint(), kubectl)).resolves.toEqual({
      PULUMI_K8S_ENABLE_PATCH_FORCE: "true",
    });
    expect(calls.map(([verb, kind, name]) => [verb, kind, name])).toEqual([
      ["get", "Deployment.v1.apps", "mlflow"],
      ["patch", "Deployment.v1.apps", "mlflow"],
      ["get", "Namespace", "platform"],
    ]);
    expect(said()).toEqual(["stack export", "stack import"]);
  });

  it("does not mind a definition that isn't there yet", async () => {
    record([
      creating("kubernetes:example.test/v1:Dish", {
        apiVersion: "example.test/v1",
        kind: "Dish",
        metadata: { name: "soup" },
      }),
    ]);
    const missing = async () => Promise.reject(new Error(`error: the server doesn't have a resource type "Dish"`));
    await expect(resumeUpdate("staging", checkpoint(), missing)).resolves.toHaveProperty(
      "PULUMI_K8S_ENABLE_PATCH_FORCE",
    );
    await expect(
      resumeUpdate("staging", checkpoint(), async () => Promise.reject(new Error("refused"))),
    ).rejects.toThrow("refused");
  });
});
