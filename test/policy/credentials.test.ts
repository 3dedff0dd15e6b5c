import { describe, expect, it } from "vitest";
import { credentials } from "../../policy/rules/credentials";
import { resource, workflowTemplate, workload } from "./resources";

describe.each(["Secret", "ConfigMap"])("a %s", (kind) => {
  const held = (key: string) => [
    `${kind} thing contains ${key}: create a Secret with it outside of the program, and refer to that`,
  ];

  it("may hold what is no credential", () => {
    const repository = { type: "oci", url: "oci://registry.example.org/bundles", insecureOCIForceHttp: "true" };
    expect(
      credentials(
        resource(kind, { data: repository, stringData: { config: '{"tlsClientConfig":{"insecure":false}}' } }),
      ),
    ).toEqual([]);
    expect(credentials(resource(kind, { data: { password: "" } }))).toEqual([]);
    expect(credentials(resource(kind))).toEqual([]);
  });

  it.each([
    "password",
    "adminPassword",
    "DB_PASSWD",
    "passphrase",
    "token",
    "bearerToken",
    "GITHUB_TOKEN",
    "client-secret",
    "credentials",
    "sshPrivateKey",
    "private_key",
    "api-key",
    "tls.key",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASS",
    "GITHUB_PAT",
    "secret-key",
    ".dockerconfigjson",
  ])("holds no %s", (key) => expect(credentials(resource(kind, { data: { [key]: "x" } }))).toEqual(held(key)));

  it.each([
    ["a private key", "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\n"],
    ["a URL with a password", "postgres://me:word@db/app"],
    ["a token", `ghp_${"a".repeat(36)}`],
    ["a header", "Authorization: Bearer abc"],
  ])("holds not %s, whatever its key", (_, value) => {
    expect(credentials(resource(kind, { stringData: { any: value } }))).toEqual(held("any"));
    const encoded = Buffer.from(value).toString("base64");
    const field = kind === "Secret" ? "data" : "binaryData";
    expect(credentials(resource(kind, { [field]: { any: encoded } }))).toEqual(held("any"));
  });

  it.each([
    ["ca.pem", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"],
    ["secretName", "registry-login"],
    ["TOKEN_FILE", "/var/run/token"],
    ["password", "$(DB_PASS)"],
    ["accuracy-bar", "0.75"],
    ["url", "http://registry.example.org:5000/a@b"],
    ["image", "registry/token@sha256:abc"],
  ])("may hold %s: %j", (key, value) =>
    expect(credentials(resource(kind, { stringData: { [key]: value } }))).toEqual([]),
  );

  it("holds none within YAML", () =>
    expect(credentials(resource(kind, { stringData: { "app.yaml": "db:\n  pass: x\n  host: y\n" } }))).toEqual(
      held("app.yaml.db.pass"),
    ));

  it("may hold the path of a credential within YAML, and not the credential", () => {
    const withField = (field: string) =>
      credentials(resource(kind, { stringData: { "app.yaml": `authorization:\n  ${field}\n` } }));
    expect(withField("credentials_file: /run/token")).toEqual([]);
    expect(withField("credentials: abc")).toEqual(held("app.yaml.authorization.credentials"));
  });

  it("holds none within JSON", () => {
    expect(
      credentials(resource(kind, { stringData: { config: '{"bearerToken":"x","tlsClientConfig":{"keyData":"y"}}' } })),
    ).toEqual([...held("config.bearerToken"), ...held("config.tlsClientConfig.keyData")]);
  });
});

describe("a cluster's registration with Argo CD", () => {
  const token = (subject: string) =>
    `e30.${Buffer.from(JSON.stringify({ sub: `system:serviceaccount:${subject}` })).toString("base64url")}.c2ln`;
  const registration = (bearerToken: string, { label = "cluster", ...changes }: Record<string, string> = {}) => {
    const contents = {
      name: "edge",
      namespaces: "food",
      clusterResources: "false",
      config: JSON.stringify({ bearerToken, tlsClientConfig: { caData: "x" } }),
      ...changes,
    };
    const metadata = { name: "thing", labels: { "argocd.argoproj.io/secret-type": label } };
    const data = Object.fromEntries(
      Object.entries(contents).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    const found = credentials(resource("Secret", { metadata, stringData: contents }));
    // The provider moves `stringData` to `data`, so a policy receives either.
    expect(credentials(resource("Secret", { metadata, data }))).toEqual(found);
    return found;
  };
  const held = (key: string) => [
    `Secret thing contains ${key}: create a Secret with it outside of the program, and refer to that`,
  ];

  it("may hold the token of an account in the one namespace that it registers", () =>
    expect(registration(token("food:deployer"))).toEqual([]));

  it.each<[string, string, Record<string, string>?]>([
    ["of an account in another namespace", token("kube-system:admin")],
    ["of an account in a namespace that begins the same", token("food-2:deployer")],
    ["that is none of a service account", "abcdef.0123456789abcdef"],
    ["that can't be read", "e30.e3.c2ln"],
    ["that says nothing", "e30.bnVsbA.c2ln"],
    ["for the whole cluster", token("food:deployer"), { clusterResources: "true" }],
    ["for all namespaces", token(":deployer"), { namespaces: "" }],
    ["for two namespaces", token("food:deployer"), { namespaces: "food,drink" }],
    ["in a Secret of another kind", token("food:deployer"), { label: "repository" }],
  ])("holds no token %s", (_title, bearer, changes) =>
    expect(registration(bearer, changes)).toEqual(held("config.bearerToken")),
  );

  it("holds no other credential beside it", () =>
    expect(registration(token("food:deployer"), { password: "x" })).toEqual(held("password")));
});

describe("an environment variable", () => {
  const container = (variable: object) => ({ name: "c", env: [variable] });
  const literal = container({ name: "REGISTRY_PASSWORD", value: "x" });
  const message = (title: string, name: string) =>
    `${title} gives its container ${name} the value of REGISTRY_PASSWORD: ` +
    "refer to a Secret with valueFrom.secretKeyRef";

  it("takes a credential from a Secret", () => {
    const reference = { name: "REGISTRY_PASSWORD", valueFrom: { secretKeyRef: { name: "registry", key: "password" } } };
    expect(credentials(workload("Deployment", { containers: [container(reference)] }))).toEqual([]);
    expect(credentials(workload("Deployment", { containers: [container({ name: "HOME", value: "/tmp" })] }))).toEqual(
      [],
    );
  });

  it("states no credential", () => {
    expect(credentials(workload("Deployment", { initContainers: [literal], containers: [] }))).toEqual([
      message("Deployment thing", "c"),
    ]);
  });

  it("states none in a workflow, nor in its defaults", () => {
    const templates = [{ name: "step", container: {} }];
    expect(credentials(workflowTemplate({ templates, templateDefaults: { container: literal } }))).toEqual([
      message("WorkflowTemplate thing, template step,", "main"),
    ]);
  });
});

describe("an argument", () => {
  const judged = (...args: string[]) => credentials(workload("Deployment", { containers: [{ name: "c", args }] }));

  it.each([
    ["after its flag", ["--password", "x"]],
    ["in its flag", ["--token=x"]],
    ["as a variable", ["env", "GITHUB_PAT=x"]],
    ["by its shape", ["git", "clone", "https://me:word@host/repo"]],
  ])("states no credential %s", (_, args) =>
    expect(judged(...args)).toEqual([
      "Deployment thing gives its container c a credential as an argument: " +
        "refer to a Secret with valueFrom.secretKeyRef, and write $(NAME)",
    ]),
  );

  it("may name one", () =>
    expect(judged("--password=$(DB_PASS)", "--token", "$(TOKEN)", "--token-file", "x", "--secret", "--v=2")).toEqual(
      [],
    ));
});
