import { type Resource, titleOf } from "../resource";

const lists = ["verbs", "resources", "apiGroups", "nonResourceURLs"] as const;
type PolicyRule = { readonly [list in (typeof lists)[number]]?: readonly string[] };

/** ClusterRoles of every cluster that let their holder read Secrets, or run pods under any account. */
const broadRoles = ["cluster-admin", "admin", "edit"];
/** The API server allows everything to its members, whatever the roles say. */
const allPowerfulGroup = "system:masters";

/** No Role has a wildcard, and no binding refers to `cluster-admin`, `admin` or `edit`. */
export function leastPrivilege(resource: Resource): string[] {
  const { object } = resource;
  if (["Role", "ClusterRole"].includes(object.kind))
    return ((object.rules ?? []) as PolicyRule[]).flatMap((rule) =>
      lists
        .filter((list) => rule[list]?.some((entry) => entry.includes("*")))
        .map((list) => `${titleOf(resource)} has a wildcard in ${list}: list the ${list} that it needs`),
    );
  if (!["RoleBinding", "ClusterRoleBinding"].includes(object.kind)) return [];
  const { kind = "ClusterRole", name } = object.roleRef ?? {};
  const isBroad = name === "cluster-admin" || (kind === "ClusterRole" && broadRoles.includes(name));
  const subjects: { name?: string }[] = object.subjects ?? [];
  return [
    ...(isBroad ? [`${titleOf(resource)} binds ${name}: bind a Role that lists the permissions that are needed`] : []),
    ...(subjects.some((subject) => subject.name === allPowerfulGroup)
      ? [`${titleOf(resource)} binds a role to ${allPowerfulGroup}: name an account or a group of your own`]
      : []),
  ];
}
