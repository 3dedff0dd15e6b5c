import { describe, expect, it } from "vitest";
import { admissionRules, WorkflowAdmission } from "../../components/pipeline/workflow-admission";
import { one, record } from "../registrations";

const args = {
  accounts: ["build", "deploy", "test"],
  starts: { build: ["deploy", "test"], test: ["promote-model"] },
  environments: ["staging", "canary", "production"],
};

describe("WorkflowAdmission", () => {
  it("denies, in the workflows' namespace alone, and fails closed", async () => {
    const { registrations } = await record(
      {},
      () => void new WorkflowAdmission("admission", { namespace: "argo", ...args }),
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
      ...admissionRules(args),
    });
    expect(one(registrations, "admission-binding").inputs.spec).toEqual({
      policyName: "gourmetgram-workflows",
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "argo" } } },
    });
  });

  it("knows which accounts are the pipeline's, and what each starts", () => {
    const { variables } = admissionRules(args);
    const expression = (name: string) => variables.find((variable) => variable.name === name)!.expression;
    expect(expression("byPipeline")).toBe("variables.account in ['build', 'deploy', 'test']");
    expect(expression("starts")).toBe("{'build': ['deploy', 'test'], 'test': ['promote-model']}");
  });

  it.each([
    [
      ["staging", "shadow", "canary", "production"],
      "shadow",
      "shadow only: a person promotes to canary and production, with npm run promote",
    ],
    [["staging", "canary"], "canary", "canary only: a person promotes, with npm run promote"],
    [["staging"], "", "no environment only: a person promotes, with npm run promote"],
  ])("lets the pipeline promote in %j to %j alone", (environments, target, rest) => {
    const { expression, message } = admissionRules({ ...args, environments }).validations[1];
    const parameters =
      "(has(object.spec.arguments) && has(object.spec.arguments.parameters) ? object.spec.arguments.parameters : [])";
    expect(expression).toBe(
      `request.operation != 'CREATE' || !variables.byPipeline || variables.template != 'promote-model' || (${parameters}.exists(p, p.name == 'target-environment') && ${parameters}.all(p, p.name != 'target-environment' || (has(p.value) && p.value == '${target}')))`,
    );
    expect(message).toBe(`the pipeline promotes to ${rest}`);
  });

  it("says of each rule what to do instead", () => {
    const messages = admissionRules(args).validations.map(({ message }) => message);
    expect(messages).toEqual([
      "a workflow of the pipeline may not start this one",
      "the pipeline promotes to canary only: a person promotes to production, with npm run promote",
      "the label gourmetgram.io/parent says that the pipeline started a workflow: leave it out",
      "every other way into a workflow than main goes round its lock: leave entrypoint out",
      "the annotation gourmetgram.io/submitted-by must be the name of who submits",
      "who started a workflow does not change",
    ]);
  });
});
