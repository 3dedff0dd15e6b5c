import type { PolicyConfigSchema, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import type { KubernetesObject, Resource } from "./resource";
import { credentials } from "./rules/credentials";
import { hostIsolation } from "./rules/host-isolation";
import { imageDigests } from "./rules/image-digests";
import { leastPrivilege } from "./rules/least-privilege";
import { memoryLimits } from "./rules/memory-limits";
import { emptyInstallers, notChecked } from "./rules/not-checked";
import { podSecurity } from "./rules/pod-security";
import { workflowTemplates } from "./rules/workflow-templates";

/** Returns one message for each violation of a resource. */
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
      // A component has no object. The policies check its children.
      if (!args.type.startsWith("kubernetes:") || !args.props.kind) return;
      const resource = { name: args.name, object: args.props as KubernetesObject };
      for (const message of rule(resource, args.getConfig<Config>())) report(message);
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
    "Every container has a memory limit; for containers of an environment, it is 256Mi.",
    memoryLimits,
    memoryConfig,
  ),
  policy("image-digests", "Every image has a digest.", imageDigests),
  policy(
    "host-isolation",
    "No pod is privileged, or has access to the node's network, processes, files or capabilities.",
    hostIsolation,
  ),
  policy(
    "least-privilege",
    "No Role has wildcards, and no binding gives cluster-admin, admin or edit.",
    leastPrivilege,
  ),
  policy("credentials", "The program contains no credentials.", credentials),
  policy("pod-security", "Every namespace enforces the restricted pod security standard.", podSecurity),
  policy(
    "workflow-templates",
    "Every WorkflowTemplate has a deadline, its own ServiceAccount, and a time to live.",
    workflowTemplates,
  ),
];

/** What the pack cannot judge. It forbids nothing. */
export const gaps: [ResourceValidationPolicy, StackValidationPolicy] = [
  {
    name: "not-checked",
    description: "What the policies cannot check is reviewed by a person.",
    enforcementLevel: "advisory",
    validateResource: ({ type, name, props }, report) => {
      if (!type.startsWith("kubernetes:")) return;
      for (const message of notChecked({ type, name, object: props as KubernetesObject })) report(message);
    },
  },
  {
    name: "not-checked-files",
    description: "What the policies cannot check is reviewed by a person.",
    enforcementLevel: "advisory",
    validateStack: ({ resources }, report) => {
      for (const { message, urn } of emptyInstallers(resources)) report(message, urn);
    },
  },
];
