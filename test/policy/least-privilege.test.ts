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

it.each(["RoleBinding", "ClusterRoleBinding"])("a %s binds anything but cluster-admin", (kind) => {
  expect(leastPrivilege(resource(kind, { roleRef: { kind: "ClusterRole", name: "view" } }))).toEqual([]);
  expect(leastPrivilege(resource(kind, { roleRef: { kind: "ClusterRole", name: "cluster-admin" } }))).toEqual([
    `${kind} thing binds cluster-admin: bind a Role that lists the permissions that are needed`,
  ]);
});
