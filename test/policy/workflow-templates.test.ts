import { expect, it } from "vitest";
import { workflowTemplates } from "../../policy/rules/workflow-templates";
import { resource, workflowTemplate } from "./resources";

it("accepts a template with a deadline, its own account and a time to live", () => {
  expect(workflowTemplates(workflowTemplate())).toEqual([]);
  expect(workflowTemplates(workflowTemplate({ ttlStrategy: { secondsAfterCompletion: 1 } }))).toEqual([]);
});

it.each([undefined, 0])("asks for a deadline instead of %s", (activeDeadlineSeconds) => {
  expect(workflowTemplates(workflowTemplate({ activeDeadlineSeconds }))).toEqual([
    "WorkflowTemplate thing has no deadline: write activeDeadlineSeconds",
  ]);
});

it("requires its own account", () => {
  const instead = "write serviceAccountName: thing, its own account";
  expect(workflowTemplates(workflowTemplate({ serviceAccountName: undefined }))).toEqual([
    `WorkflowTemplate thing uses the namespace's default account: ${instead}`,
  ]);
  expect(workflowTemplates(workflowTemplate({ serviceAccountName: "other" }))).toEqual([
    `WorkflowTemplate thing uses the account other: ${instead}`,
  ]);
});

it("lets no step act under another account", () => {
  expect(workflowTemplates(workflowTemplate({ templates: [{ name: "step", serviceAccountName: "thing" }] }))).toEqual(
    [],
  );
  expect(workflowTemplates(workflowTemplate({ templates: [{ name: "step", serviceAccountName: "other" }] }))).toEqual([
    "WorkflowTemplate thing, template step, uses the account other: remove serviceAccountName from the template",
  ]);
});

it.each([undefined, {}, { secondsAfterSuccess: 1 }, { secondsAfterFailure: 1 }])(
  "asks for an end of what is kept instead of %j",
  (ttlStrategy) => {
    expect(workflowTemplates(workflowTemplate({ ttlStrategy }))).toEqual([
      "WorkflowTemplate thing is never deleted: write secondsAfterSuccess and secondsAfterFailure under ttlStrategy",
    ]);
  },
);

it("asks nothing of a CronWorkflow, which runs a template", () =>
  expect(workflowTemplates(resource("CronWorkflow", { spec: {} }))).toEqual([]));
