import { expect, it } from "vitest";
import { shortName } from "../../../board/page/state/person";

it.each([
  ["system:serviceaccount:people:anna", "people/anna"],
  ["system:serviceaccount:people:anna:more", "system:serviceaccount:people:anna:more"],
  ["oidc:anna@example.org", "oidc:anna@example.org"],
  ["kubernetes-admin", "kubernetes-admin"],
])("%s is shown as %s", (username, shown) => expect(shortName(username)).toBe(shown));
