import { type Resource, titleOf } from "../resource";

const label = "pod-security.kubernetes.io/enforce";

/** Every namespace admits only pods of the restricted standard. */
export function podSecurity(resource: Resource): string[] {
  if (resource.object.kind !== "Namespace") return [];
  const level = resource.object.metadata?.labels?.[label];
  if (level === "restricted") return [];
  return [
    `${titleOf(resource)} ${level ? `enforces the standard ${level}` : "enforces no pod security standard"}: write the label ${label}: restricted`,
  ];
}
