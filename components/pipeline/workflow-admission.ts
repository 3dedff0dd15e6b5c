import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";

export interface StackRules {
  /** ServiceAccounts of the pipeline, in the workflows' namespace. */
  readonly accounts: string[];
  /** Which templates each of them may start; an account that is left out starts none. */
  readonly allowedChildTemplates: Record<string, string[]>;
  /** Names of the environments, in the order of promotion. */
  readonly environments: string[];
}

export interface WorkflowAdmissionArgs extends StackRules {
  /** Namespace of the workflows. */
  readonly namespace: pulumi.Input<string>;
  /** Folder of `admission-policy.yaml`. */
  readonly folder: string;
}

/** `admission-policy.yaml`, with the stack's values, bound to the namespace of the workflows. */
export class WorkflowAdmission extends pulumi.ComponentResource {
  constructor(name: string, args: WorkflowAdmissionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:WorkflowAdmission", name, {}, opts);
    const child = { parent: this };
    const { metadata, spec } = readPolicy(args.folder);
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      `${name}-policy`,
      { metadata, spec: { ...spec, variables: withStackRules(spec.variables, args) } },
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

interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** The policy's variables with the stack's values in place of the four that the file leaves empty. JSON is CEL. */
export function withStackRules(variables: Variable[], rules: StackRules): Variable[] {
  const [, nextEnvironment = "", ...laterEnvironments] = rules.environments;
  const values: Record<string, unknown> = {
    accounts: rules.accounts,
    allowedChildTemplates: rules.allowedChildTemplates,
    nextEnvironment,
    laterEnvironments,
  };
  return variables.map(({ name, expression }) => ({
    name,
    expression: name in values ? JSON.stringify(values[name]) : expression,
  }));
}

interface Validation {
  readonly expression: string;
  readonly message: string;
  readonly messageExpression?: string;
}

interface Policy {
  readonly metadata: { name: string };
  readonly spec: { variables: Variable[]; validations: Validation[] };
}

export function readPolicy(folder: string): Policy {
  const file = join(folder, "admission-policy.yaml");
  return yaml.load(readFileSync(file, "utf8"), { filename: file }) as Policy;
}
