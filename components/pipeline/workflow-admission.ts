import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { lockHolderLabel, parentLabel, submittedBy } from "../shared/workflow-names";

export interface WorkflowAdmissionArgs {
  /** Namespace of the workflows. */
  readonly namespace: pulumi.Input<string>;
  /** ServiceAccounts of the pipeline, in that namespace. */
  readonly accounts: string[];
  /** Which templates each of them may start; an account that is left out starts none. */
  readonly starts: Record<string, string[]>;
  /** Names of the environments, in the order of promotion. */
  readonly environments: string[];
}

/**
 * What the API server itself refuses of a Workflow, whoever sends it: RBAC can say that an account may create
 * Workflows, and not which. Needs Kubernetes 1.30 or newer.
 */
export class WorkflowAdmission extends pulumi.ComponentResource {
  constructor(name: string, args: WorkflowAdmissionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:WorkflowAdmission", name, {}, opts);
    const child = { parent: this };
    const metadata = { name: "gourmetgram-workflows" };
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      `${name}-policy`,
      {
        metadata,
        spec: {
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
        },
      },
      child,
    );
    new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      `${name}-binding`,
      {
        metadata,
        spec: {
          policyName: policy.metadata.apply(() => metadata.name),
          validationActions: ["Deny"],
          matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": args.namespace } } },
        },
      },
      child,
    );
    this.registerOutputs({});
  }
}

/**
 * The rules in CEL. A workflow of the pipeline starts only the templates that are its own to start, and promotes only
 * to the environment after the first; nobody else says that the pipeline started his Workflow, or that the lock on staging is held for it;
 * who submitted a Workflow is what the API server knows of the sender, and stays.
 */
export function admissionRules({ accounts, starts, environments }: Omit<WorkflowAdmissionArgs, "namespace">) {
  const [, next = "", ...further] = environments;
  const text = (values: string[]) => `[${values.map((value) => `'${value}'`).join(", ")}]`;
  const map = Object.entries(starts).map(([account, templates]) => `'${account}': ${text(templates)}`);
  const label = (object: string, key: string) =>
    `(has(${object}.metadata.labels) && '${key}' in ${object}.metadata.labels ? ${object}.metadata.labels['${key}'] : '')`;
  const parameters =
    "(has(object.spec.arguments) && has(object.spec.arguments.parameters) ? object.spec.arguments.parameters : [])";
  const created = "request.operation != 'CREATE' || ";
  return {
    variables: [
      {
        name: "account",
        expression:
          "request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':') ? request.userInfo.username.split(':')[3] : ''",
      },
      { name: "byPipeline", expression: `variables.account in ${text(accounts)}` },
      { name: "starts", expression: `{${map.join(", ")}}` },
      {
        name: "template",
        expression:
          "has(object.spec.workflowTemplateRef) && has(object.spec.workflowTemplateRef.name) ? object.spec.workflowTemplateRef.name : ''",
      },
      {
        name: "submittedBy",
        expression: `has(object.metadata.annotations) && '${submittedBy}' in object.metadata.annotations ? object.metadata.annotations['${submittedBy}'] : ''`,
      },
      {
        name: "submittedByBefore",
        expression: `request.operation == 'UPDATE' && has(oldObject.metadata.annotations) && '${submittedBy}' in oldObject.metadata.annotations ? oldObject.metadata.annotations['${submittedBy}'] : ''`,
      },
    ],
    validations: [
      {
        expression: `${created}!variables.byPipeline || (variables.account in variables.starts && variables.template in variables.starts[variables.account])`,
        messageExpression:
          "variables.account + ' may not start ' + (variables.template == '' ? 'a workflow of its own' : variables.template)",
        message: "a workflow of the pipeline may not start this one",
      },
      {
        expression: `${created}!variables.byPipeline || variables.template != 'promote-model' || (${parameters}.exists(p, p.name == 'target-environment') && ${parameters}.all(p, p.name != 'target-environment' || (has(p.value) && p.value == '${next}')))`,
        message: `the pipeline promotes to ${next || "no environment"} only: a person promotes${further.length > 0 ? ` to ${further.join(" and ")}` : ""}, with npm run promote`,
      },
      {
        expression: `${created}variables.byPipeline == (${label("object", parentLabel)} != '')`,
        message: `the label ${parentLabel} says that the pipeline started a workflow: leave it out`,
      },
      {
        expression: `${created}variables.byPipeline || (${label("object", lockHolderLabel)} == '' && (!has(object.spec.entrypoint) || object.spec.entrypoint in ['', 'main']))`,
        message: "every other way into a workflow than main goes round its lock: leave entrypoint out",
      },
      {
        expression: `${created}variables.submittedBy == '' || variables.submittedBy == request.userInfo.username`,
        messageExpression: `'the annotation ${submittedBy} must be ' + request.userInfo.username + ', or left out'`,
        message: `the annotation ${submittedBy} must be the name of who submits`,
      },
      {
        expression: `request.operation != 'UPDATE' || (variables.submittedBy == variables.submittedByBefore && ${[parentLabel, lockHolderLabel].map((key) => `${label("object", key)} == ${label("oldObject", key)}`).join(" && ")})`,
        message: "who started a workflow does not change",
      },
    ],
  };
}
