import { describe, expect, it } from "vitest";
import { leastPrivilege } from "../../policy/rules/least-privilege";
import { resource } from "./resources";

const rule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };

describe.each(["Role", "ClusterRole"])("a %s", (kind) => {
  it("names what it allows", () => {
    expect(leastPrivilege(resource(kind, { rules: [rule] }))).toEqual([]);
    expect(leastPrivilege(resource(kind))).toEqual([]);
  });

  it.each(["verbs", "resources", "apiGroups", "nonResourceURLs"])("has no wildcard in %s", (list) => {
    expect(leastPrivilege(resource(kind, { rules: [rule, { ...rule, [list]: ["*"] }] }))).toEqual([
      `${kind} thing has a wildcard in ${list}: list the ${list} that it needs`,
    ]);
  });

  it("has none for subresources either", () => {
    expect(leastPrivilege(resource(kind, { rules: [{ ...rule, resources: ["pods/*"] }] }))).toEqual([
      `${kind} thing has a wildcard in resources: list the resources that it needs`,
    ]);
  });
});

describe.each(["RoleBinding", "ClusterRoleBinding"])("a %s", (kind) => {
  const binding = (roleRef: object, subjects: object[] = []) => leastPrivilege(resource(kind, { roleRef, subjects }));

  it.each(["cluster-admin", "admin", "edit"])("binds anything but %s", (name) => {
    const message = `${kind} thing binds ${name}: bind a Role that lists the permissions that are needed`;
    expect(binding({ kind: "ClusterRole", name })).toEqual([message]);
    expect(binding({ kind: "ClusterRole", name: "view" })).toEqual([]);
  });

  it("may bind a Role that is only called so, since its rules are checked", () =>
    expect(binding({ kind: "Role", name: "admin" })).toEqual([]));

  it("is for no group that may do everything", () =>
    expect(binding({ kind: "ClusterRole", name: "view" }, [{ kind: "Group", name: "system:masters" }])).toEqual([
      `${kind} thing binds a role to system:masters: name an account or a group of your own`,
    ]));
});
