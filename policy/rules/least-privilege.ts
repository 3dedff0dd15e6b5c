import { type Resource, titleOf } from "../resource";

const lists = ["verbs", "resources", "apiGroups", "nonResourceURLs"] as const;
type PolicyRule = { readonly [list in (typeof lists)[number]]?: readonly string[] };

/** No Role has a wildcard, and no binding refers to `cluster-admin`. */
export function leastPrivilege(resource: Resource): string[] {
  const { object } = resource;
  if (["Role", "ClusterRole"].includes(object.kind))
    return ((object.rules ?? []) as PolicyRule[]).flatMap((rule) =>
      lists
        .filter((list) => rule[list]?.some((entry) => entry.includes("*")))
        .map((list) => `${titleOf(resource)} has a wildcard in ${list}: list the ${list} that it needs`),
    );
  if (["RoleBinding", "ClusterRoleBinding"].includes(object.kind) && object.roleRef.name === "cluster-admin")
    return [`${titleOf(resource)} binds cluster-admin: bind a Role that lists the permissions that are needed`];
  return [];
}
