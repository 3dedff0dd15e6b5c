import { describe, expect, it } from "vitest";
import { compare, displayText, pathText } from "../../../cli/review/compare";
import { redact } from "../../../cli/review/redact";

const lines = (before: unknown, after: unknown) =>
  compare(before, after).map(
    (difference) => `${pathText(difference.path)}: ${difference.before} → ${difference.after}`,
  );

describe("compare", () => {
  it.each<[string, unknown, unknown, string[]]>([
    ["nothing where nothing differs", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    [
      "the smallest properties",
      { spec: { replicas: 1, paused: false } },
      { spec: { replicas: 2, paused: false } },
      ["spec.replicas: 1 → 2"],
    ],
    ["what comes and what goes", { a: 1 }, { b: "x" }, ["a: 1 → undefined", "b: undefined → x"]],
    [
      "items by their names, whatever their order",
      [
        { name: "a", port: 1 },
        { name: "b", port: 2 },
      ],
      [
        { name: "b", port: 3 },
        { name: "a", port: 1 },
      ],
      ["[b].port: 2 → 3"],
    ],
    ["items without names by their place", [{ port: 1 }], [{ port: 1 }, { port: 2 }], ["[1].port: undefined → 2"]],
    [
      "items that share a name by their place",
      [
        { name: "a", v: 1 },
        { name: "a", v: 2 },
      ],
      [
        { name: "a", v: 1 },
        { name: "a", v: 3 },
      ],
      ["[1].v: 2 → 3"],
    ],
    ["lists of words as a whole", { verbs: ["get"] }, { verbs: ["get", "list"] }, ["verbs: get → get, list"]],
    [
      "a rule that allows everything, though there is nothing in it",
      { ingress: [] },
      { ingress: [{}] },
      ["ingress[0]: undefined → {}"],
    ],
    ["a word where there was a mapping", { a: { b: 1 } }, { a: "x" }, ['a: {"b":1} → x']],
    [
      "YAML in a text",
      { data: { "app.yaml": "color: green\nsize: 1\n" } },
      { data: { "app.yaml": "color: red\nsize: 1\n" } },
      ['data["app.yaml"].color: green → red'],
    ],
    ["JSON in a text", { config: '{"a": 1}' }, { config: '{"a": 2}' }, ["config.a: 1 → 2"]],
    [
      "no JSON where a template only looks like it",
      "{{workflow.status}}",
      "{{workflow.failures}}",
      [": {{workflow.status}} → {{workflow.failures}}"],
    ],
    ["how much of a script", "import a\nrun()\n", "import a\nimport b\nwalk()\n", [": 2 lines → 3 lines (+2 −1)"]],
    ["no script's own text where it is new", undefined, "import a\nrun()\n", [": undefined → 2 lines"]],
  ])("shows %s", (_, before, after, expected) => expect(lines(before, after)).toEqual(expected));

  it.each([
    ["a password", { password: "one" }, { password: "two" }, ["password: [secret] → [secret], another one"]],
    ["a new token", {}, { API_TOKEN: "one" }, ["API_TOKEN: undefined → [secret]"]],
    [
      "one in an environment variable",
      { env: [{ name: "DB_PASSWORD", value: "one" }] },
      { env: [{ name: "DB_PASSWORD", value: "two" }] },
      ["env[DB_PASSWORD].value: [secret] → [secret], another one"],
    ],
    [
      "one in a text",
      { args: ["--url=http://me:one@host/"] },
      { args: ["--url=http://me:two@host/", "-v"] },
      ["args: --url=http://[secret]@host/ → --url=http://[secret]@host/, -v"],
    ],
    [
      "one after its flag, and says that it is another",
      { args: ["--password", "one", "--token=three"] },
      { args: ["--password", "two", "--token=four"] },
      ["args: --password, [secret], --token=[secret] → --password, [secret], --token=[secret] (another secret)"],
    ],
    [
      "one in a command line",
      { command: ["sh", "-c", "curl --password one host"] },
      { command: ["sh", "-c", "curl --password one host -v"] },
      ["command: sh, -c, curl --password [secret] host → sh, -c, curl --password [secret] host -v"],
    ],
    [
      "the logins of a registry, which are JSON",
      {},
      { data: { ".dockerconfigjson": '{"auths":{"host":{"auth":"bWU6b25l"}}}' } },
      ['data[".dockerconfigjson"]: undefined → [secret]'],
    ],
    [
      "those in another file",
      {},
      { data: { "config.json": '{"auths":{"host":{"auth":"bWU6b25l"}}}' } },
      ['data["config.json"].auths.host.auth: undefined → [secret]'],
    ],
    [
      "the data of a Secret in a text",
      {},
      { data: { "secret.yaml": "kind: Secret\ndata:\n  any: one\n" } },
      ['data["secret.yaml"].kind: undefined → Secret', 'data["secret.yaml"].data.any: undefined → [secret]'],
    ],
    [
      "one whose variable is listed by its place",
      { env: [{ name: "DB_PASS", value: "one" }, { from: "x" }] },
      { env: [{ name: "HOME", value: "/" }, { from: "x" }] },
      ["env[0].name: DB_PASS → HOME", "env[0].value: [secret] → [secret], another one"],
    ],
    ["a mapping in one line", { a: { password: "one" } }, { a: "x" }, ['a: {"password":"[secret]"} → x']],
  ])("keeps %s to itself", (_, before, after, expected) => expect(lines(before, after)).toEqual(expected));

  it("hides neither a name of a secret nor whether a token is mounted", () => {
    expect(
      lines(
        { secretName: "a", automountServiceAccountToken: true },
        { secretName: "b", automountServiceAccountToken: false },
      ),
    ).toEqual(["secretName: a → b", "automountServiceAccountToken: true → false"]);
  });

  it("cuts what is too long, and digests to what tells them apart", () => {
    expect(displayText("x".repeat(300))).toBe(`${"x".repeat(200)}…`);
    expect(displayText(`app@sha256:${"a".repeat(64)}`)).toBe("app@sha256:aaaaaaaaaaaa");
  });
});

describe("redact", () => {
  it.each([
    ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest", "[secret]\nrest"],
    ["-----BEGIN PRIVATE KEY-----\nabc", "[secret]"],
    ["postgres://me:word@db/app", "postgres://[secret]@db/app"],
    ["Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [secret]"],
    ['token: "abc"', "token: [secret]"],
    ["password=abc,user=me", "password=[secret],user=me"],
    ["client-key-data: LS0tLS1", "client-key-data: [secret]"],
    ["set the password in the file", "set the password in the file"],
    ["http://host:8000/path@2", "http://host:8000/path@2"],
    ["AWS_SECRET_ACCESS_KEY=abc DB_PASS=def", "AWS_SECRET_ACCESS_KEY=[secret] DB_PASS=[secret]"],
    ["export GITHUB_PAT='a b'; run", "export GITHUB_PAT=[secret]; run"],
    ["--password x", "--password [secret]"],
    ["curl --token=x -v", "curl --token=[secret] -v"],
    ["passphrase: correct horse battery", "passphrase: [secret]"],
    ['{"secret-key":"a\\"b"}', '{"secret-key":[secret]}'],
    ["postgres://me:p@ss@db/app", "postgres://[secret]@db/app"],
    ["https://token@host/repo", "https://[secret]@host/repo"],
    ["Authorization: token abc", "Authorization: token [secret]"],
    ["-H 'authorization: abc'", "-H 'authorization: [secret]'"],
    ["x-api-key: abc", "x-api-key: [secret]"],
    [`pushed with ghp_${"a".repeat(36)}`, "pushed with [secret]"],
    ["AKIAABCDEFGHIJKLMNOP", "[secret]"],
    ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl", "[secret]"],
    [Buffer.from("-----BEGIN PRIVATE KEY-----\nabc").toString("base64"), "[secret]"],
  ])("hides %j", (text, expected) => {
    expect(redact(text)).toBe(expected);
    expect(redact(expected)).toBe(expected);
  });

  it.each([
    `registry:5000/token@sha256:${"a".repeat(64)}`,
    "vault/secret:1.2, token:v3",
    "secretName: registry-login",
    '{"imagePullSecrets":[{"name":"registry-login"}]}',
    "create tokenreviews, tokenReviews (authentication.k8s.io)",
    "automountServiceAccountToken: false",
    "TOKEN_FILE=/var/run/token",
    "--tls-private-key=/etc/tls/tls.key",
    "--password=$(DB_PASS) --token {{inputs.parameters.token}}",
    "accuracy 0.9312, load.p95Ms 110.5",
    "ssh://git@host/repo",
    "rbac.authorization.k8s.io/v1:Role --authorization-mode=RBAC",
    "Basic authentication is off",
    "compass: north, path: /a, monkey=1, task-abcdefghijklmnopqrstuvwxyz",
    Buffer.from("-----BEGIN CERTIFICATE-----\nabc").toString("base64"),
    "thing contains DB_PASS: create a Secret with it outside of the program, and refer to that",
    "gives its container c the value of GITHUB_PAT: refer to a Secret with valueFrom.secretKeyRef",
  ])("shows %j", (text) => expect(redact(text)).toBe(text));
});
