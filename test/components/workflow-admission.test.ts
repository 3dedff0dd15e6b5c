import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPolicy, withValues } from "../../components/pipeline/admission";
import { stackValues, WorkflowAdmission } from "../../components/pipeline/workflow-admission";
import { lockHolderLabel, parentLabel, submittedBy } from "../../components/shared/workflow-names";
import { one, record } from "../registrations";

const folder = join(__dirname, "../../workflows");
const rules = {
  accounts: ["build", "deploy", "test"],
  allowedChildTemplates: { build: ["deploy", "test"], test: ["promote-model"] },
  environments: ["staging", "canary", "production"],
  approvedEnvironments: ["production"],
};
const { spec } = readPolicy(join(folder, "admission-policy.yaml"));

/** Expressions of the variables by name, with the stack's values. */
const expressions = (environments = rules.environments) =>
  Object.fromEntries(
    withValues(spec.variables, stackValues({ ...rules, environments })).map(({ name, expression }) => [
      name,
      expression,
    ]),
  );

describe("WorkflowAdmission", () => {
  it("denies, in the workflows' namespace alone, and fails closed", async () => {
    const { registrations } = await record(
      {},
      () => void new WorkflowAdmission("admission", { namespace: "argo", folder, ...rules }),
    );
    expect(registrations.map(({ type, name, parent }) => [type, name, parent])).toEqual([
      ["gourmetgram:release:WorkflowAdmission", "admission", null],
      ["kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy", "admission-policy", "admission"],
      ["kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding", "admission-binding", "admission"],
    ]);
    expect(one(registrations, "admission-policy").inputs.spec).toEqual({
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ["argoproj.io"],
            apiVersions: ["v1alpha1"],
            operations: ["CREATE", "UPDATE"],
            resources: ["workflows"],
          },
        ],
      },
      variables: withValues(spec.variables, stackValues(rules)),
      validations: spec.validations,
    });
    expect(one(registrations, "admission-binding").inputs.spec).toEqual({
      policyName: "gourmetgram-workflows",
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "argo" } } },
    });
  });

  it("knows which accounts are the pipeline's, and what each starts", () => {
    expect(expressions()).toMatchObject({
      accounts: '["build","deploy","test"]',
      allowedChildTemplates: '{"build":["deploy","test"],"test":["promote-model"]}',
    });
  });

  it.each([
    [["staging", "shadow", "canary", "production"], '"shadow"', '["canary","production"]'],
    [["staging", "canary"], '"canary"', "[]"],
    [["staging"], '""', "[]"],
  ])("lets the pipeline promote in %j to %s alone, and a person to %s", (environments, next, later) => {
    expect(expressions(environments)).toMatchObject({ nextEnvironment: next, laterEnvironments: later });
  });

  it("puts the stack's values where the file has none, and changes nothing else of it", () => {
    const found = expressions();
    const changed = spec.variables.filter(({ name, expression }) => found[name] !== expression);
    expect(changed).toEqual([
      { name: "accounts", expression: "[]" },
      { name: "allowedChildTemplates", expression: "{}" },
      { name: "nextEnvironment", expression: "''" },
      { name: "laterEnvironments", expression: "[]" },
      { name: "approvedEnvironments", expression: "[]" },
    ]);
  });

  it("defines every variable before an expression reads it", () => {
    const known = new Set<string>();
    const read = (expression = "") => [...expression.matchAll(/variables\.(\w+)/g)].map(([, name]) => name);
    for (const { name, expression } of spec.variables) {
      expect(read(expression).filter((other) => !known.has(other))).toEqual([]);
      known.add(name);
    }
    for (const { expression, messageExpression } of spec.validations)
      expect([...read(expression), ...read(messageExpression)].filter((name) => !known.has(name))).toEqual([]);
  });

  it("reads the labels and the annotation that the program writes", () => {
    const names = new Set(JSON.stringify(spec).match(/gourmetgram\.io\/[a-z-]+/g));
    expect(names).toEqual(new Set([parentLabel, lockHolderLabel, submittedBy]));
  });

  it("says of each rule what to do instead", () => {
    expect(spec.validations.map(({ message }) => message)).toEqual([
      "a workflow begins without a status: leave it out",
      "what a workflow runs does not change",
      "a workflow of the pipeline may not start this one",
      "the pipeline promotes to one environment only: a person promotes, with npm run promote",
      "the label gourmetgram.io/parent says that the pipeline started a workflow: leave it out",
      "the label workflows.argoproj.io/cron-workflow says that a schedule started a workflow: leave it out",
      "every other way into a workflow than main goes round its lock: leave entrypoint out",
      "the annotation gourmetgram.io/submitted-by must be the name of who submits",
      "who asks for an approval gives a name: run npm run promote",
      "who started a workflow does not change",
    ]);
  });
});
