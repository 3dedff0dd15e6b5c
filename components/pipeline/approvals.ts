import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PipelineSettings } from "../../config";
import { readYaml } from "../shared/yaml-file";
import { admission } from "./admission";

type Approval = PipelineSettings["approval"];

export interface ApprovalsArgs {
  /** Who approves, by the environment that a promotion leads to. */
  readonly approval: Approval;
  /** Namespace of the workflows, which has the requests. */
  readonly namespace: pulumi.Input<string>;
  /** Folder of `approval-crd.yaml` and `approval-policy.yaml`. */
  readonly folder: string;
}

/** The requests for approval: their kind, who may respond to them, and what the API server refuses of a response. */
export class Approvals extends pulumi.ComponentResource {
  constructor(name: string, { approval, namespace, folder }: ApprovalsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:Approvals", name, {}, opts);
    const child = { parent: this };
    const crd = new k8s.apiextensions.v1.CustomResourceDefinition(
      `${name}-crd`,
      readYaml<k8s.types.input.apiextensions.v1.CustomResourceDefinition>(join(folder, "approval-crd.yaml")),
      child,
    );
    admission(
      name,
      { file: join(folder, "approval-policy.yaml"), values: approvers(approval), namespace },
      { ...child, dependsOn: crd },
    );
    const metadata = { name: "approve-promotions", namespace };
    const rules = [
      { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: ["get", "list", "watch", "patch"] },
    ];
    new k8s.rbac.v1.Role(`${name}-role`, { metadata, rules }, child);
    const subjects = people(approval);
    if (subjects.length > 0)
      new k8s.rbac.v1.RoleBinding(
        `${name}-people`,
        {
          metadata,
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
          subjects,
        },
        child,
      );
    this.registerOutputs({});
  }
}

/** What the policy's file leaves empty. A map of CEL has values of one kind, so an empty list is left out. */
function approvers(approval: Approval): Record<string, unknown> {
  const rules = Object.entries(approval);
  const named = (key: "users" | "groups") =>
    Object.fromEntries(rules.filter(([, rule]) => rule[key].length > 0).map(([target, rule]) => [target, rule[key]]));
  return {
    users: named("users"),
    groups: named("groups"),
    approvedByRequester: rules.filter(([, { byRequester }]) => byRequester).map(([target]) => target),
  };
}

/** Everybody who may approve anything; a ServiceAccount is a user to the API server. */
function people(approval: Approval): k8s.types.input.rbac.v1.Subject[] {
  const subjects = (kind: string, names: string[]) =>
    [...new Set(names)].sort().map((name) => ({ kind, name, apiGroup: "rbac.authorization.k8s.io" }));
  const rules = Object.values(approval);
  return [
    ...subjects(
      "User",
      rules.flatMap(({ users }) => users),
    ),
    ...subjects(
      "Group",
      rules.flatMap(({ groups }) => groups),
    ),
  ];
}
