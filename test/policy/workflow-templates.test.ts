import { expect, it } from "vitest";
import { workflowTemplates } from "../../policy/rules/workflow-templates";
import { resource, workflowTemplate } from "./resources";

it("lets a template through that ends, acts under its own account, and goes", () => {
  expect(workflowTemplates(workflowTemplate())).toEqual([]);
  expect(workflowTemplates(workflowTemplate({ ttlStrategy: { secondsAfterCompletion: 1 } }))).toEqual([]);
});

it.each([undefined, 0])("asks for a deadline instead of %s", (activeDeadlineSeconds) => {
  expect(workflowTemplates(workflowTemplate({ activeDeadlineSeconds }))).toEqual([
    "WorkflowTemplate thing has no deadline: write activeDeadlineSeconds",
  ]);
});

it("asks for an account of its own", () => {
  const instead = "write serviceAccountName: thing, an account of its own";
  expect(workflowTemplates(workflowTemplate({ serviceAccountName: undefined }))).toEqual([
    `WorkflowTemplate thing acts under the namespace's default account: ${instead}`,
  ]);
  expect(workflowTemplates(workflowTemplate({ serviceAccountName: "other" }))).toEqual([
    `WorkflowTemplate thing acts under the account other: ${instead}`,
  ]);
});

it("lets no step act under another account", () => {
  expect(workflowTemplates(workflowTemplate({ templates: [{ name: "step", serviceAccountName: "thing" }] }))).toEqual(
    [],
  );
  expect(workflowTemplates(workflowTemplate({ templates: [{ name: "step", serviceAccountName: "other" }] }))).toEqual([
    "WorkflowTemplate thing, template step, acts under the account other: leave serviceAccountName out of the template",
  ]);
});

it.each([undefined, {}, { secondsAfterSuccess: 1 }, { secondsAfterFailure: 1 }])(
  "asks for an end of what is kept instead of %j",
  (ttlStrategy) => {
    expect(workflowTemplates(workflowTemplate({ ttlStrategy }))).toEqual([
      "WorkflowTemplate thing never goes: write secondsAfterSuccess and secondsAfterFailure under ttlStrategy",
    ]);
  },
);

it("asks nothing of a CronWorkflow, which runs a template", () =>
  expect(workflowTemplates(resource("CronWorkflow", { spec: {} }))).toEqual([]));
