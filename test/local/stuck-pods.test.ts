import { describe, expect, it } from "vitest";
import { describeStuckPods, type Pod } from "../../local/cluster/stuck-pods";

const pod = (name: string, status: Pod["status"]): Pod => ({ metadata: { namespace: "argocd", name }, status });
const initializing = { name: "redis", restartCount: 0, state: { waiting: { reason: "PodInitializing" } } };

describe("describeStuckPods", () => {
  it("names the container that ends, and not the one that waits for it", () => {
    const crashed = { exitCode: 20, reason: "Error" };
    const waiting = { reason: "CrashLoopBackOff", message: "back-off 5m0s restarting failed container" };
    const init = { name: "secret-init", restartCount: 9, state: { waiting }, lastState: { terminated: crashed } };
    const stuck = pod("redis-0", {
      phase: "Pending",
      initContainerStatuses: [init],
      containerStatuses: [initializing],
    });
    expect(describeStuckPods([stuck])).toEqual([
      "argocd/redis-0: secret-init ended 10 times, last with Error (exit code 20)",
    ]);
  });

  it("says what a container waits for, in one line", () => {
    const waiting = { reason: "CreateContainerConfigError", message: 'secret "argocd-redis" not found\nmore' };
    const stuck = pod("server-0", {
      phase: "Pending",
      containerStatuses: [{ name: "server", restartCount: 0, state: { waiting } }],
    });
    expect(describeStuckPods([stuck])).toEqual([
      'argocd/server-0: server: CreateContainerConfigError: secret "argocd-redis" not found',
    ]);
  });

  it("says why a pod has no node, and else its phase", () => {
    const conditions = [{ type: "PodScheduled", status: "False", message: "0/1 nodes are available" }];
    expect(
      describeStuckPods([
        pod("a", { phase: "Pending", conditions }),
        pod("b", { phase: "Pending", containerStatuses: [initializing] }),
      ]),
    ).toEqual(["argocd/a: 0/1 nodes are available", "argocd/b: Pending"]);
  });

  it("passes over a step of a Workflow that failed, and tells a Job's pod that did", () => {
    const failed = pod("publish", { phase: "Failed" });
    const labels = { "workflows.argoproj.io/workflow": "test-staging-v7" };
    const step = { ...failed, metadata: { ...failed.metadata, name: "integration", labels } };
    expect(describeStuckPods([failed, step])).toEqual(["argocd/publish: Failed"]);
  });

  it("passes over what is ready or has done its work, and tells ten", () => {
    const ready = pod("ready", { phase: "Running", conditions: [{ type: "Ready", status: "True" }] });
    const done = pod("done", { phase: "Succeeded", conditions: [{ type: "Ready", status: "False" }] });
    expect(describeStuckPods([ready, done])).toEqual([]);
    const many = Array.from({ length: 12 }, (_, index) => pod(`p${index}`, { phase: "Pending" }));
    const lines = describeStuckPods([...many, ready]);
    expect([lines.length, lines.at(-1)]).toEqual([11, "and 2 more"]);
  });
});
