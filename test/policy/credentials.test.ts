import { describe, expect, it } from "vitest";
import { credentials } from "../../policy/rules/credentials";
import { resource, workflowTemplate, workload } from "./resources";

describe.each(["Secret", "ConfigMap"])("a %s", (kind) => {
  const held = (key: string) => [`${kind} thing holds ${key}: make a Secret with it outside of the program, and name that one`];

  it("may hold what is no credential", () => {
    const repository = { type: "oci", url: "oci://registry.example.org/bundles", insecureOCIForceHttp: "true" };
    expect(credentials(resource(kind, { data: repository, stringData: { config: '{"tlsClientConfig":{"insecure":false}}' } }))).toEqual([]);
    expect(credentials(resource(kind, { data: { password: "" } }))).toEqual([]);
    expect(credentials(resource(kind))).toEqual([]);
  });

  it.each(["password", "adminPassword", "DB_PASSWD", "passphrase", "token", "bearerToken", "GITHUB_TOKEN", "client-secret", "credentials", "sshPrivateKey", "private_key", "api-key", "tls.key"])(
    "holds no %s",
    (key) => expect(credentials(resource(kind, { data: { [key]: "x" } }))).toEqual(held(key)),
  );

  it("holds none within JSON", () => {
    expect(credentials(resource(kind, { stringData: { config: '{"bearerToken":"x","tlsClientConfig":{"keyData":"y"}}' } }))).toEqual([
      ...held("config.bearerToken"),
      ...held("config.tlsClientConfig.keyData"),
    ]);
  });
});

describe("an environment variable", () => {
  const container = (variable: object) => ({ name: "c", env: [variable] });
  const literal = container({ name: "REGISTRY_PASSWORD", value: "x" });
  const message = (title: string, name: string) => `${title} gives its container ${name} the value of REGISTRY_PASSWORD: name a Secret by valueFrom.secretKeyRef`;

  it("takes a credential from a Secret", () => {
    const reference = { name: "REGISTRY_PASSWORD", valueFrom: { secretKeyRef: { name: "registry", key: "password" } } };
    expect(credentials(workload("Deployment", { containers: [container(reference)] }))).toEqual([]);
    expect(credentials(workload("Deployment", { containers: [container({ name: "HOME", value: "/tmp" })] }))).toEqual([]);
  });

  it("states no credential", () => {
    expect(credentials(workload("Deployment", { initContainers: [literal], containers: [] }))).toEqual([message("Deployment thing", "c")]);
  });

  it("states none in a workflow, nor in its defaults", () => {
    const templates = [{ name: "step", container: {} }];
    expect(credentials(workflowTemplate({ templates, templateDefaults: { container: literal } }))).toEqual([message("WorkflowTemplate thing, template step,", "main")]);
  });
});
