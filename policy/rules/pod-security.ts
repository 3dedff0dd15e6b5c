import { type Resource, titleOf } from "../resource";

const label = "pod-security.kubernetes.io/enforce";

/** Every namespace enforces the restricted pod security standard. */
export function podSecurity(resource: Resource): string[] {
  if (resource.object.kind !== "Namespace") return [];
  const level = resource.object.metadata?.labels?.[label];
  if (level === "restricted") return [];
  const violation = level ? `enforces the standard ${level}` : "enforces no pod security standard";
  return [`${titleOf(resource)} ${violation}: write the label ${label}: restricted`];
}
