import { describe, expect, it } from "vitest";
import type { FakeCluster } from "./fake-cluster";
import { paths, wholePipeline } from "./pipeline";
import { ask, type RunningBoard, withBoard } from "./running-board";

const templates = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtemplates";

function peopled(fake: FakeCluster): void {
  wholePipeline(fake);
  fake.users["token-of-anna"] = "anna";
  fake.answers[`GET ${templates}/train-model`] = {};
  fake.answers[`GET ${templates}/promote-model`] = {};
  fake.answers[`GET ${templates}/revert-staging`] = {};
  fake.answers[`POST ${paths.workflows}`] = [201, {}];
}

const send = (url: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** Signs in. @returns the header with the cookie that a browser would send */
async function signIn(url: string, token = "token-of-anna"): Promise<{ cookie: string }> {
  const { headers } = await send(url, "/api/session", { token });
  return { cookie: headers.get("set-cookie")!.split(";")[0] };
}

const act = async ({ url }: Pick<RunningBoard, "url">, body: unknown, headers: Record<string, string> = {}) =>
  send(url, "/api/act", body, { ...(await signIn(url)), ...headers });

describe("signing in", () => {
  it("is for whom the API server knows, and stays in a cookie that no script and no other site reads", async () => {
    await withBoard(peopled, async ({ url }) => {
      const { status, body, headers } = await send(url, "/api/session", { token: "token-of-anna" });
      expect([status, body]).toEqual([200, { username: "anna" }]);
      const cookie = headers.get("set-cookie")!;
      expect(cookie).toMatch(/^board-session=[\w-]+; HttpOnly; SameSite=Strict; Path=\/api; Max-Age=28800$/);
      expect(Buffer.from(cookie.split(/[=;]/)[1], "base64url").toString("latin1")).not.toContain("anna");
      const session = await ask(`${url}/api/session`, { headers: { cookie: cookie.split(";")[0] } });
      expect(session.body).toEqual({ username: "anna" });
    });
  });

  it("keeps the cookie to https where the page came by it", async () => {
    await withBoard(peopled, async ({ url }) => {
      const { headers } = await send(url, "/api/session", { token: "token-of-anna" }, { "x-forwarded-proto": "https" });
      expect(headers.get("set-cookie")).toMatch(/; Secure$/);
    });
  });

  it.each([
    ["that nobody knows", { token: "token-of-eve" }, 401],
    ["of two lines", { token: "a\nb" }, 400],
    ["that is empty", { token: " " }, 400],
    ["too long for a cookie", { token: "a".repeat(3000) }, 400],
    ["that is no text", { token: 7 }, 400],
    ["that is missing", [], 400],
  ])("is refused with a token %s, which no answer repeats", async (_title, body, status) => {
    await withBoard(peopled, async ({ url }) => {
      const answer = await send(url, "/api/session", body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(JSON.stringify(answer.body)).not.toMatch(/token-of-eve|aaa|a\\nb/);
    });
  });

  it("ends with the token", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const cookie = await signIn(url);
      delete fake.users["token-of-anna"];
      const session = await ask(`${url}/api/session`, { headers: cookie });
      expect(session.body).toEqual({ username: null });
      expect(session.headers.get("set-cookie")).toMatch(/^board-session=; .*Max-Age=0$/);
      const refused = await send(url, "/api/act", { act: "train", scenario: "normal" }, cookie);
      expect([refused.status, refused.body]).toEqual([401, { error: "Unauthorized" }]);
    });
  });

  it("ends when the person signs out", async () => {
    await withBoard(peopled, async ({ url }) => {
      const out = await ask(`${url}/api/session`, { method: "DELETE", headers: { origin: url } });
      expect([out.body, out.headers.get("set-cookie")]).toEqual([
        { username: null },
        "board-session=; HttpOnly; SameSite=Strict; Path=/api; Max-Age=0",
      ]);
    });
  });

  it.each([
    ["that was changed", (cookie: string) => `${cookie.slice(0, -2)}AA`],
    ["that is too short", () => "board-session=AAAA"],
    ["of another server", () => `board-session=${"A".repeat(300)}`],
  ])("is nobody with a cookie %s", async (_title, change) => {
    await withBoard(peopled, async ({ url }) => {
      const { cookie } = await signIn(url);
      const session = await ask(`${url}/api/session`, { headers: { cookie: change(cookie) } });
      expect(session.body).toEqual({ username: null });
    });
  });
});

describe("an act", () => {
  it("is done with the person's token, in the person's name", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const { status, body } = await act({ url }, { act: "train", scenario: "worse" });
      expect([status, body.sentence]).toEqual([
        200,
        expect.stringMatching(/^The training worse has started: train-model-\w{6}\.$/),
      ]);
      const sent = fake.calls.find(({ line }) => line === `POST ${paths.workflows}`)!;
      expect(sent.headers.authorization).toBe("Bearer token-of-anna");
      expect(sent.body.metadata.annotations).toEqual({ "gourmetgram.io/submitted-by": "anna" });
      expect(sent.body.spec.arguments.parameters).toEqual([{ name: "scenario", value: "worse" }]);
    });
  });

  it.each([
    [
      { act: "promote", version: 9, source: "staging", target: "canary", emergency: "" },
      { "model-version": "9", "source-environment": "staging", "target-environment": "canary" },
    ],
    [
      { act: "promote", version: 7, source: "canary", target: "production", emergency: "it burns" },
      {
        "model-version": "7",
        "source-environment": "canary",
        "target-environment": "production",
        emergency: "it burns",
      },
    ],
    [
      { act: "revert", version: 9, why: "odd answers" },
      { "failed-version": "9", reason: "odd answers" },
    ],
    [
      { act: "revert", version: null, why: "odd answers" },
      { "failed-version": "", reason: "odd answers" },
    ],
  ])("submits what %j asks for", async (body, parameters) => {
    await withBoard(peopled, async ({ url, fake }) => {
      expect((await act({ url }, body)).status).toBe(200);
      const sent = fake.calls.find(({ line }) => line === `POST ${paths.workflows}`)!.body.spec.arguments.parameters;
      expect(Object.fromEntries(sent.map(({ name, value }: any) => [name, value]))).toEqual(parameters);
    });
  });

  it("approves in the person's name", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      fake.answers[`GET ${paths.approvals}/promote-model-abc`] = {
        metadata: { name: "promote-model-abc", creationTimestamp: "2026-01-05T10:00:00Z" },
        spec: { target: "production", version: "1.0.7", expiresAt: "2126-01-06T10:00:00Z" },
      };
      fake.answers[`PATCH ${paths.approvals}/promote-model-abc?fieldManager=approve`] = {};
      const body = { act: "approve", approval: "promote-model-abc", message: "looks good" };
      expect((await act({ url }, body)).body).toEqual({ sentence: "You approved 1.0.7 for production." });
      const sent = fake.calls.find(({ line }) => line.startsWith("PATCH"))!;
      expect([sent.headers.authorization, sent.body[0].value]).toEqual([
        "Bearer token-of-anna",
        { user: "anna", action: "approve", message: "looks good" },
      ]);
    });
  });

  it.each([
    ["RBAC", 403, 'workflows.argoproj.io is forbidden: User "anna" cannot create resource "workflows"'],
    ["an admission policy", 422, "the pipeline promotes to canary only: a person promotes to production"],
  ])("that %s refuses is answered with 403 and the API server's sentence", async (_title, status, message) => {
    await withBoard(peopled, async ({ url, fake }) => {
      fake.answers[`POST ${paths.workflows}`] = [status, { message }];
      const answer = await act({ url }, { act: "train", scenario: "normal" });
      expect([answer.status, answer.body]).toEqual([403, { error: message }]);
    });
  });

  it("of somebody without rights is refused at the first question", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const message = 'workflowtemplates "train-model" is forbidden';
      fake.answers[`GET ${templates}/train-model`] = [403, { message }];
      const answer = await act({ url }, { act: "train", scenario: "normal" });
      expect([answer.status, answer.body]).toEqual([403, { error: message }]);
    });
  });

  it("of nobody is refused", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const { status, body } = await send(url, "/api/act", { act: "train", scenario: "normal" });
      expect([status, body]).toEqual([401, { error: "Nobody is signed in: sign in with a Kubernetes token." }]);
      expect(fake.linesTo("POST /apis/argoproj.io")).toEqual([]);
    });
  });

  it.each([
    ["of another site", { origin: "http://evil.example.org" }, 403],
    ["of another port", { origin: "http://127.0.0.1:1" }, 403],
    ["of a page without an origin", { origin: "null" }, 403],
    ["of a form", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["of a form that says it is JSON", { "content-type": "text/plain; application/json" }, 415],
  ])("%s is refused, though the browser sends the cookie", async (_title, headers, status) => {
    await withBoard(peopled, async ({ url, fake }) => {
      expect((await act({ url }, { act: "train", scenario: "normal" }, headers)).status).toBe(status);
      expect(fake.linesTo("POST /apis/argoproj.io")).toEqual([]);
    });
  });

  it.each<[string, unknown, number]>([
    ["no JSON", "{", 400],
    ["too long", { act: "freeze", why: "x".repeat(70_000) }, 413],
    ["no act", { act: "delete" }, 400],
    ["a name that every object has", { act: "constructor" }, 400],
    ["a list", [], 400],
    ["with an unknown field", { act: "freeze", why: "exams", until: "Friday" }, 400],
    ["with a number for a text", { act: "freeze", why: 7 }, 400],
    ["with an empty reason", { act: "freeze", why: " " }, 400],
    ["with a reason of two lines", { act: "freeze", why: "a\nb" }, 400],
    ["with an unknown scenario", { act: "train", scenario: "perfect" }, 400],
    [
      "over an environment",
      { act: "promote", version: 9, source: "staging", target: "production", emergency: "" },
      400,
    ],
    ["with a text for a version", { act: "promote", version: "9", source: "a", target: "b", emergency: "" }, 400],
    ["with no version", { act: "promote", version: null, source: "staging", target: "canary", emergency: "" }, 400],
    ["with braces in a message", { act: "reject", approval: "a", message: "{{x}}" }, 400],
  ])("that is %s is refused with a sentence", async (_title, body, status) => {
    await withBoard(peopled, async ({ url, fake }) => {
      const answer = await act({ url }, body);
      expect([answer.status, answer.body]).toEqual([status, { error: expect.stringMatching(/\S/) }]);
      expect(fake.calls.filter(({ line }) => /^(PATCH|POST \/apis\/argo)/.test(line))).toEqual([]);
    });
  });

  it("is refused after 30 within a minute", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const cookie = await signIn(url);
      const train = () => send(url, "/api/act", { act: "train", scenario: "normal" }, cookie);
      for (let acts = 0; acts < 30; acts++) expect((await train()).status).toBe(200);
      const { status, body, headers } = await train();
      expect([status, body.error]).toEqual([429, expect.stringMatching(/^You have acted 30 times within a minute/)]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect(fake.linesTo(`POST ${paths.workflows}`)).toHaveLength(30);
    });
  });

  it("freezes promotions, which is on record", async () => {
    await withBoard(peopled, async ({ url, fake }) => {
      const mlflow = "POST /service/gourmetgram-platform/mlflow:8000/api/2.0/mlflow/runs";
      fake.answers[`PATCH ${paths.configMaps}/promotion-freeze?fieldManager=promotion-freeze`] = {};
      fake.answers[`${mlflow}/create`] = { run: { info: { run_id: "r" } } };
      fake.answers[`${mlflow}/update`] = {};
      const { body } = await act({ url }, { act: "freeze", why: "exams" });
      expect(body.sentence).toMatch(/^Promotions are frozen, by anna: exams\./);
      const record = fake.calls.find(({ line }) => line === `${mlflow}/create`)!;
      expect(record.headers.authorization).toBeUndefined();
    });
  });
});
