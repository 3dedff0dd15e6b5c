import type { PolicyConfigSchema, ResourceValidationPolicy } from "@pulumi/policy";
import type { KubernetesObject, Resource } from "./resource";
import { credentials } from "./rules/credentials";
import { hostIsolation } from "./rules/host-isolation";
import { imageDigests } from "./rules/image-digests";
import { leastPrivilege } from "./rules/least-privilege";
import { memoryLimits } from "./rules/memory-limits";
import { podSecurity } from "./rules/pod-security";
import { workflowTemplates } from "./rules/workflow-templates";

/** Says what is wrong with a resource, a sentence each. */
type Rule<Config> = (resource: Resource, config: Config) => string[];

function policy<Config extends object>(
  name: string,
  description: string,
  rule: Rule<Config>,
  configSchema?: PolicyConfigSchema,
): ResourceValidationPolicy {
  return {
    name,
    description,
    configSchema,
    validateResource: (args, report) => {
      // Components have no object: what they consist of is judged by itself.
      if (!args.type.startsWith("kubernetes:") || !args.props.kind) return;
      rule({ name: args.name, object: args.props as KubernetesObject }, args.getConfig<Config>()).forEach((message) =>
        report(message),
      );
    },
  };
}

const memoryConfig: PolicyConfigSchema = {
  properties: { exceptions: { type: "object", additionalProperties: { type: "string" }, default: {} } },
};

/** Every policy of the pack. */
export const policies: ResourceValidationPolicy[] = [
  policy(
    "memory-limits",
    "An environment's containers have 256Mi, every other some memory limit.",
    memoryLimits,
    memoryConfig,
  ),
  policy("image-digests", "Every image is named by its digest.", imageDigests),
  policy("host-isolation", "No pod is privileged, or sees the node's network, processes or files.", hostIsolation),
  policy("least-privilege", "No Role has wildcards, and nobody is bound to cluster-admin.", leastPrivilege),
  policy("credentials", "No credential stands in the program.", credentials),
  policy("pod-security", "Every namespace enforces the restricted pod security standard.", podSecurity),
  policy(
    "workflow-templates",
    "Every workflow has a deadline, an account of its own, and goes when it is old.",
    workflowTemplates,
  ),
];
