import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { readYaml } from "../shared/yaml-file";

interface Variable {
  readonly name: string;
  readonly expression: string;
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

export interface AdmissionArgs {
  /** File of the ValidatingAdmissionPolicy. */
  readonly file: string;
  /** The stack's values of variables that the file leaves empty, by the variable's name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Namespace in which the policy counts. */
  readonly namespace: pulumi.Input<string>;
}

/** A policy of a file, bound to a namespace: the resources `<name>-policy` and `<name>-binding`, which it returns. */
export function admission(
  name: string,
  { file, values, namespace }: AdmissionArgs,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const { metadata, spec } = readPolicy(file);
  const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
    `${name}-policy`,
    { metadata, spec: { ...spec, variables: withValues(spec.variables, values) } },
    options,
  );
  const binding = new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
    `${name}-binding`,
    {
      metadata,
      spec: {
        policyName: policy.metadata.apply(() => metadata.name),
        validationActions: ["Deny"],
        matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
      },
    },
    options,
  );
  return [policy, binding];
}

/** The variables with the stack's values in place of what the file has. JSON is CEL. */
export function withValues(variables: Variable[], values: Readonly<Record<string, unknown>>): Variable[] {
  return variables.map(({ name, expression }) => ({
    name,
    expression: name in values ? JSON.stringify(values[name]) : expression,
  }));
}

export const readPolicy = (file: string): Policy => readYaml(file);
