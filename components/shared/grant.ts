import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** A Role with a RoleBinding of the same metadata. */
export interface Grant {
  readonly metadata: {
    readonly name: string;
    readonly namespace: pulumi.Input<string>;
    readonly labels?: Record<string, string>;
  };
  readonly rules: k8s.types.input.rbac.v1.PolicyRule[];
  /** ServiceAccounts that get the rights. */
  readonly subjects: { readonly name: string; readonly namespace: pulumi.Input<string> }[];
}

/** Gives ServiceAccounts rights in a namespace: the resources `<name>-role` and `<name>-binding`. */
export function grant(
  name: string,
  { metadata, rules, subjects }: Grant,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  return [
    new k8s.rbac.v1.Role(`${name}-role`, { metadata, rules }, options),
    new k8s.rbac.v1.RoleBinding(
      `${name}-binding`,
      {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
        subjects: subjects.map((account) => ({ kind: "ServiceAccount", ...account })),
      },
      options,
    ),
  ];
}
