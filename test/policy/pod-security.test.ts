import { expect, it } from "vitest";
import { restrictedNamespaceLabels } from "../../components/shared/security";
import { podSecurity } from "../../policy/rules/pod-security";
import { resource } from "./resources";

const namespace = (labels?: Record<string, string>) =>
  podSecurity(resource("Namespace", { metadata: { name: "thing", labels } }));
const instead = "write the label pod-security.kubernetes.io/enforce: restricted";

it("a namespace enforces the restricted standard", () => expect(namespace(restrictedNamespaceLabels)).toEqual([]));

it("a namespace enforces no weaker one, and not none", () => {
  expect(namespace()).toEqual([`Namespace thing enforces no pod security standard: ${instead}`]);
  expect(namespace({ "pod-security.kubernetes.io/warn": "restricted" })).toEqual([
    `Namespace thing enforces no pod security standard: ${instead}`,
  ]);
  expect(namespace({ "pod-security.kubernetes.io/enforce": "baseline" })).toEqual([
    `Namespace thing enforces the standard baseline: ${instead}`,
  ]);
});

it("nothing else is asked for the label", () => expect(podSecurity(resource("ConfigMap"))).toEqual([]));
