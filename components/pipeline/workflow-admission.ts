import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { admission } from "./admission";

export interface StackRules {
  /** ServiceAccounts of the pipeline, in the workflows' namespace. */
  readonly accounts: string[];
  /** Which templates each of them may start; an account that is left out starts none. */
  readonly allowedChildTemplates: Record<string, string[]>;
  /** Names of the environments, in the order of promotion. */
  readonly environments: string[];
  /** Names of the environments whose promotions people approve. */
  readonly approvedEnvironments: string[];
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
    const { namespace, folder } = args;
    const file = join(folder, "admission-policy.yaml");
    admission(name, { file, values: stackValues(args), namespace }, { parent: this });
    this.registerOutputs({});
  }
}

/** What the policy's file leaves empty. */
export function stackValues(rules: StackRules): Record<string, unknown> {
  const [, nextEnvironment = "", ...laterEnvironments] = rules.environments;
  return {
    accounts: rules.accounts,
    allowedChildTemplates: rules.allowedChildTemplates,
    nextEnvironment,
    laterEnvironments,
    approvedEnvironments: rules.approvedEnvironments,
  };
}
