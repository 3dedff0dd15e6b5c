import { describe, expect, it } from "vitest";
import { memoryLimits } from "../../policy/rules/memory-limits";
import { resource, stagingBundle, workflowTemplate, workload } from "./resources";

const limited = { name: "c", resources: { limits: { memory: "1Gi" } } };
const unlimited = { name: "c", resources: { requests: { memory: "64Mi" } } };
const missing = (title: string) => `${title} gives its container c no memory limit: write resources.limits.memory`;

describe("the memory limit of an environment", () => {
  const app =
    "Deployment gourmetgram-staging in ConfigMap staging-bundle gives its container app a memory limit of 512Mi";

  it("is 256Mi", () => expect(memoryLimits(stagingBundle())).toEqual([]));

  it("is no other without an exception by name", () => {
    const message = `${app}: write 256Mi, or name staging with 512Mi in policy/exceptions.json`;
    expect(memoryLimits(stagingBundle({ memory: "512Mi" }))).toEqual([message]);
    expect(memoryLimits(stagingBundle({ memory: "512Mi" }), { exceptions: { canary: "512Mi" } })).toEqual([message]);
  });

  it("is exactly what its exception says", () => {
    expect(memoryLimits(stagingBundle({ memory: "512Mi" }), { exceptions: { staging: "512Mi" } })).toEqual([]);
    expect(memoryLimits(stagingBundle({ memory: "512Mi" }), { exceptions: { staging: "1Gi" } })).toEqual([
      `${app}: write 1Gi, as policy/exceptions.json says for staging`,
    ]);
  });
});

describe("any other container", () => {
  it.each(["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"])(
    "of a %s has some memory limit",
    (kind) => {
      expect(memoryLimits(workload(kind, { initContainers: [limited], containers: [limited] }))).toEqual([]);
      expect(memoryLimits(workload(kind, { containers: [unlimited] }))).toEqual([missing(`${kind} thing`)]);
      expect(memoryLimits(workload(kind, { initContainers: [unlimited], containers: [limited] }))).toEqual([
        missing(`${kind} thing`),
      ]);
    },
  );

  it("of a Pod or a CronJob as well", () => {
    expect(memoryLimits(resource("Pod", { spec: { containers: [unlimited] } }))).toEqual([missing("Pod thing")]);
    expect(
      memoryLimits(
        resource("CronJob", { spec: { jobTemplate: { spec: { template: { spec: { containers: [unlimited] } } } } } }),
      ),
    ).toEqual([missing("CronJob thing")]);
  });

  it("of a workflow has its own or its template's default", () => {
    const templates = [{ name: "step", container: { resources: { requests: { memory: "64Mi" } } } }];
    expect(memoryLimits(workflowTemplate({ templates, templateDefaults: { container: limited } }))).toEqual([]);
    expect(memoryLimits(workflowTemplate({ templates: [{ name: "step", container: limited }] }))).toEqual([]);
    expect(memoryLimits(workflowTemplate({ templates }))).toEqual([
      "WorkflowTemplate thing, template step, gives its container main no memory limit: write resources.limits.memory",
    ]);
    expect(
      memoryLimits(
        workflowTemplate({
          templates: [{ name: "step", script: limited, initContainers: [unlimited], sidecars: [unlimited] }],
        }),
      ),
    ).toEqual(Array(2).fill(missing("WorkflowTemplate thing, template step,")));
  });

  it("is asked of nothing that runs no container", () => {
    for (const kind of ["Service", "ConfigMap", "Application"])
      expect(memoryLimits(resource(kind, { spec: {} }))).toEqual([]);
  });
});
