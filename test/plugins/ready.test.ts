import { describe, expect, it } from "vitest";
import { servedKind } from "../../local/plugins/kube-discovery";
import { podProblem } from "../../local/plugins/kube-pods";
import { isAwaited, readiness } from "../../local/plugins/kube-ready";
import { holders } from "../../local/plugins/kube-wait";
import type { Properties } from "../../local/plugins/values";

const object = (
  apiVersion: string,
  kind: string,
  spec: Properties,
  status: Properties,
  annotations: Properties = {},
): Properties => ({
  apiVersion,
  kind,
  metadata: { name: "a", generation: 2, annotations },
  spec,
  status: { observedGeneration: 2, ...status },
});
const said = (each: Properties): string => {
  const state = readiness(each);
  return state.state === "ready" ? "ready" : `${state.state}: ${state.message}`;
};

describe("readiness", () => {
  it.each<[string, Properties]>([
    [
      "waiting: waiting for the Deployment controller",
      object(
        "apps/v1",
        "Deployment",
        {},
        { observedGeneration: 1, updatedReplicas: 1, availableReplicas: 1, replicas: 1 },
      ),
    ],
    ["waiting: 0 of 2 pods made", object("apps/v1", "Deployment", { replicas: 2 }, {})],
    [
      "waiting: 1 old pods still run",
      object("apps/v1", "Deployment", {}, { updatedReplicas: 1, replicas: 2, availableReplicas: 2 }),
    ],
    ["waiting: 0 of 1 pods available", object("apps/v1", "Deployment", {}, { updatedReplicas: 1, replicas: 1 })],
    ["ready", object("apps/v1", "Deployment", {}, { updatedReplicas: 1, replicas: 1, availableReplicas: 1 })],
    ["ready", object("apps/v1", "Deployment", { paused: true }, {})],
    [
      "failed: no progress within 120 s",
      object(
        "apps/v1",
        "Deployment",
        { progressDeadlineSeconds: 120 },
        { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] },
      ),
    ],
    [
      "waiting: 1 of 2 pods updated",
      object("apps/v1", "StatefulSet", { replicas: 2 }, { updatedReplicas: 1, readyReplicas: 2 }),
    ],
    ["ready", object("apps/v1", "StatefulSet", { replicas: 1 }, { updatedReplicas: 1, readyReplicas: 1 })],
    [
      "waiting: 1 of 2 nodes have it",
      object("apps/v1", "DaemonSet", {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }),
    ],
    ["ready", object("apps/v1", "DaemonSet", {}, {})],
    ["waiting: 0 of 1 completed, 1 failed so far", object("batch/v1", "Job", {}, { failed: 1 })],
    ["ready", object("batch/v1", "Job", {}, { conditions: [{ type: "Complete", status: "True" }] })],
    [
      "failed: Job has reached the specified backoff limit",
      object(
        "batch/v1",
        "Job",
        {},
        { conditions: [{ type: "Failed", status: "True", message: "Job has reached the specified backoff limit" }] },
      ),
    ],
    ["ready", object("v1", "Service", { type: "ClusterIP" }, {})],
    ["waiting: waiting for the load balancer's address", object("v1", "Service", { type: "LoadBalancer" }, {})],
    ["ready", object("v1", "Service", { type: "LoadBalancer" }, { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } })],
    [
      "failed: names conflict",
      object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {},
        { conditions: [{ type: "NamesAccepted", status: "False", message: "names conflict" }] },
      ),
    ],
    ["ready", { ...object("v1", "Secret", {}, {}), type: "Opaque" }],
    [
      "waiting: waiting for the token of its account",
      { ...object("v1", "Secret", {}, {}), type: "kubernetes.io/service-account-token" },
    ],
    [
      "ready",
      { ...object("v1", "Secret", {}, {}), type: "kubernetes.io/service-account-token", data: { token: "dG9rZW4=" } },
    ],
    ["waiting: it is Pending", object("v1", "PersistentVolumeClaim", {}, { phase: "Pending" })],
    ["ready", object("example.test/v1", "Dish", {}, {})],
  ])("%s", (expected, each) => expect(said(each)).toBe(expected));

  it.each<[string, string]>([
    ["condition=Served", "ready"],
    ["condition=Served=True", "ready"],
    ["condition=Eaten", "waiting: waiting for condition=Eaten"],
    ["jsonpath={.status.phase}=Hot", "ready"],
    ["jsonpath={.status.phase}=Cold", "waiting: waiting for jsonpath={.status.phase}=Cold"],
    ["jsonpath={.status.conditions[0].status}", "ready"],
    ['["condition=Served","jsonpath={.status.bones}"]', "waiting: waiting for jsonpath={.status.bones}"],
    [
      "served",
      'failed: its annotation pulumi.com/waitFor says "served": write condition=Type or jsonpath={.path}=value',
    ],
  ])("waitFor %s: %s", (waitFor, expected) => {
    const dish = object(
      "example.test/v1",
      "Dish",
      {},
      { phase: "Hot", conditions: [{ type: "Served", status: "True" }] },
      { "pulumi.com/waitFor": waitFor },
    );
    expect(said(dish)).toBe(expected);
  });

  it("awaits the kinds it knows, and what asks for it, and not what asks not to be", () => {
    expect(isAwaited(object("apps/v1", "Deployment", {}, {}))).toBe(true);
    expect(isAwaited(object("apps/v1", "Deployment", {}, {}, { "pulumi.com/skipAwait": "true" }))).toBe(false);
    expect(isAwaited(object("example.test/v1", "Dish", {}, {}))).toBe(false);
    expect(isAwaited(object("example.test/v1", "Dish", {}, {}, { "pulumi.com/waitFor": "condition=Served" }))).toBe(
      true,
    );
  });
});

describe("what is said of a pod", () => {
  const pod = (...containerStatuses: Properties[]): Properties => ({ status: { phase: "Running", containerStatuses } });

  it.each<[string | undefined, Properties]>([
    [undefined, pod({ name: "app", state: { waiting: { reason: "ContainerCreating" } } })],
    [undefined, pod({ name: "app", state: { running: {} }, lastState: { terminated: { exitCode: 1 } } })],
    [
      "container app: ImagePullBackOff (no such image)",
      pod({ name: "app", state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } }),
    ],
    [
      "container app: CrashLoopBackOff (OOMKilled, exit code 137)",
      pod({
        name: "app",
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { reason: "OOMKilled", exitCode: 137 } },
      }),
    ],
    [
      "container job: Error, exit code 3",
      pod({ name: "job", state: { terminated: { reason: "Error", exitCode: 3 } } }),
    ],
    [
      "Unschedulable: 0/1 nodes are available",
      {
        status: {
          phase: "Pending",
          conditions: [
            { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available" },
          ],
        },
      },
    ],
  ])("%s", (expected, each) => expect(podProblem(each)).toBe(expected));
});

it("says what keeps a deleted object", () => {
  expect(holders({ metadata: { finalizers: ["foregroundDeletion", "example.test/hold"] } })).toBe(
    "held by finalizer example.test/hold; what it owns goes first",
  );
  const remaining = { type: "NamespaceFinalizersRemaining", status: "True", message: "Some content remains" };
  expect(holders({ metadata: {}, status: { conditions: [remaining] } })).toBe("Some content remains");
});

it("takes a kind from its definition once that is established", () => {
  const definition = (established: string): Properties => ({
    spec: {
      group: "example.test",
      scope: "Namespaced",
      names: { plural: "dishes", kind: "Dish" },
      versions: [{ name: "v1", served: true }],
    },
    status: { conditions: [{ type: "Established", status: established }] },
  });
  expect(servedKind(definition("True"), "example.test/v1", "Dish")).toEqual({
    apiVersion: "example.test/v1",
    kind: "Dish",
    plural: "dishes",
    namespaced: true,
  });
  expect(servedKind(definition("False"), "example.test/v1", "Dish")).toBeUndefined();
  expect(servedKind(definition("True"), "example.test/v2", "Dish")).toBeUndefined();
});
