import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { recordActions } from "../../../board/api";
import { repositoryRoot } from "../../../lib/paths";
import { digest, mlflowSays, record, version, wholePipeline } from "./pipeline";
import { ask, Events, withBoard } from "./running-board";

describe("the page", () => {
  it("may load and do only what is its own", async () => {
    await withBoard(wholePipeline, async ({ url }) => {
      for (const path of ["/", "/assets/index-abc123.js", "/api/models", "/nothing"]) {
        const { headers } = await ask(`${url}${path}`);
        expect(headers.get("content-security-policy")).toBe(
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        );
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("referrer-policy")).toBe("no-referrer");
      }
    });
  });

  it("may ask the provider at which people sign in, and nobody else", async () => {
    const provider = { issuer: "https://login.example.org:8443/realms/lab", clientId: "board", scopes: ["groups"] };
    await withBoard(
      wholePipeline,
      async ({ url }) => {
        const { body, headers } = await ask(`${url}/api/oidc`);
        expect(body).toEqual({ provider });
        expect(headers.get("content-security-policy")).toContain(
          "; connect-src 'self' https://login.example.org:8443; ",
        );
      },
      provider,
    );
    await withBoard(wholePipeline, async ({ url }) => {
      expect((await ask(`${url}/api/oidc`)).body).toEqual({ provider: null });
    });
  });

  it("is kept by browsers as long as its name says what it is", async () => {
    await withBoard(wholePipeline, async ({ url }) => {
      const found = async (path: string) => {
        const { status, headers } = await ask(`${url}${path}`);
        return [status, headers.get("content-type"), headers.get("cache-control")];
      };
      expect(await found("/")).toEqual([200, "text/html; charset=utf-8", "no-cache"]);
      expect(await found("/assets/index-abc123.js")).toEqual([
        200,
        "text/javascript; charset=utf-8",
        "public, max-age=31536000, immutable",
      ]);
      expect(await found("/healthz")).toEqual([200, "text/plain; charset=utf-8", "no-store"]);
    });
  });

  it.each<[string, string, string | undefined]>([
    ["gzip, deflate, br", "let board;", "gzip"],
    ["br;q=1, gzip;q=0.5", "let board;", "gzip"],
    ["br, gzip;q=0", "let board;", undefined],
    ["identity", "let board;", undefined],
    ["x-gzip2", "let board;", undefined],
  ])("is sent to a browser as it takes it: %s", async (accepted, text, encoding) => {
    await withBoard(wholePipeline, async ({ url }) => {
      const options = { path: "/assets/index-abc123.js", headers: { "accept-encoding": accepted } };
      const answer = await new Promise<IncomingMessage>((resolve) => request(url, options, resolve).end());
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const { "content-encoding": sent, vary, "content-length": length } = answer.headers;
      expect([sent, vary, Number(length)]).toEqual([encoding, "accept-encoding", body.length]);
      expect(String(encoding ? gunzipSync(body) : body)).toBe(text);
      expect((await ask(`${url}/assets/index-abc123.js.gz`)).status).toBe(404);
    });
  });

  it.each(["/../../etc/passwd", "/assets/../../secret", "/%2e%2e/%2e%2e/etc/passwd", "/assets", "//etc/passwd"])(
    "is nothing else of the machine: %s",
    async (path) => {
      await withBoard(wholePipeline, async ({ url }) => {
        const status = await new Promise((resolve, reject) => {
          const { port } = new URL(url);
          request({ port, path }, (answer) => resolve(answer.resume().statusCode))
            .on("error", reject)
            .end();
        });
        expect(status).toBe(404);
      });
    },
  );

  it.each([
    ["POST", "/", "GET, HEAD"],
    ["PUT", "/api/session", "GET, POST, DELETE"],
    ["GET", "/api/act", "POST"],
    ["POST", "/api/models", "GET"],
  ])("takes no %s of %s", async (method, path, allowed) => {
    await withBoard(wholePipeline, async ({ url }) => {
      const { status, headers } = await ask(`${url}${path}`, { method });
      expect([status, headers.get("allow")]).toEqual([405, allowed]);
    });
  });

  it("takes no header of more than 64 KiB", async () => {
    await withBoard(wholePipeline, async ({ url }) => {
      const { status } = await ask(url, { headers: { cookie: "a".repeat(70_000) } });
      expect(status).toBe(431);
    });
  });
});

describe("GET /api/models", () => {
  const hostile = '<img src=x onerror="alert(1)">';

  it("is what MLflow says of the newest versions", async () => {
    const report = (verdict: string) =>
      JSON.stringify({ gate: "load", verdict, reason: "P95 2400 ms", metrics: { p95Ms: 2400, name: "x" } });
    await withBoard(
      (fake) => {
        wholePipeline(fake);
        const tags = {
          scenario: "slow",
          image_digest: digest("9"),
          judgement: "passed beside production's 1.0.7",
          "gate.load": report("fail"),
          "gate.integration": report("pass"),
          "gate.taste": "good",
          "staging.verdict": "fail",
          "staging.reason": "load: P95 2400 ms",
        };
        const disagreement = JSON.stringify({ sentence: "disagrees with production on 1 of 9 users' pictures" });
        mlflowSays(
          fake,
          [version(9, tags)],
          [
            record("canary", "1.0.9", "2026-01-04T10:00:00Z", { disagreement }),
            record("staging", "1.0.9", "2026-01-04T09:00:00Z"),
            record("canary", "1.0.8", "2026-01-04T08:00:00Z"),
          ],
        );
      },
      async ({ url }) => {
        const { body } = await ask(`${url}/api/models`);
        const figures = { p95Ms: 2400 };
        expect(body).toEqual({
          models: [
            {
              version: "1.0.9",
              number: 9,
              registeredAt: "2026-01-05T10:00:00.000Z",
              scenario: "slow",
              dataSha256: "d".repeat(64),
              digest: digest("9"),
              aliases: [],
              accuracy: { overall: 0.96, byClass: { Bread: 0.9 } },
              production: { overall: 0.95, byClass: { Bread: 0.91 }, version: "1.0.7" },
              gates: [
                { gate: "integration", verdict: "pass", reason: "P95 2400 ms", figures },
                { gate: "load", verdict: "fail", reason: "P95 2400 ms", figures },
              ],
              verdict: "fail",
              reason: "load: P95 2400 ms",
              disagreement: "disagrees with production on 1 of 9 users' pictures",
              records: 2,
              collected: null,
            },
          ],
          hasOlder: false,
        });
      },
    );
  });

  it("passes hostile tags on as JSON, which no browser takes for a page", async () => {
    await withBoard(
      (fake) => {
        wholePipeline(fake);
        mlflowSays(fake, [version(9, { scenario: hostile, "staging.reason": hostile })]);
      },
      async ({ url }) => {
        const { body, headers } = await ask(`${url}/api/models`);
        expect([body.models[0].scenario, body.models[0].reason]).toEqual([hostile, hostile]);
        expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
      },
    );
  });

  it("is asked for by pages", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      await ask(`${url}/api/models?before=5`);
      expect(fake.linesTo("model-versions/search").at(-1)).toContain("and version_number < 5&max_results=101&");
    });
  });
});

describe("the record", () => {
  const records = [
    record("production", "1.0.7", "2026-01-04T11:00:00Z"),
    record("canary", "1.0.7", "2026-01-04T10:00:00Z"),
    record("production", "base", "2026-01-03T11:00:00Z", { action: "restore" }),
  ];
  const withRecords = (fake: Parameters<typeof wholePipeline>[0]) => {
    wholePipeline(fake);
    mlflowSays(fake, [version(7)], records);
  };

  it("is listed by environment and by time", async () => {
    await withBoard(withRecords, async ({ url, fake }) => {
      const { body } = await ask(`${url}/api/history?environment=production&before=2026-01-05T00:00:00.500Z`);
      expect(body.records.map(({ environment, serves }: any) => [environment, serves.version])).toEqual([
        ["production", "1.0.7"],
        ["production", "base"],
      ]);
      const asked = fake.calls.findLast(({ line }) => line.endsWith("runs/search"))!;
      expect(asked.body.filter).toBe("tags.environment = 'production' and attributes.start_time < 1767571200500");
    });
  });

  it("is listed by action and by version too, page by page", async () => {
    await withBoard(withRecords, async ({ url, fake }) => {
      const query = "environment=-&action=freeze&version=1.0.7&before=2026-01-05T00:00:00Z";
      expect((await ask(`${url}/api/history?${query}`)).body).toEqual({ records: [], hasOlder: false });
      const asked = fake.calls.findLast(({ line }) => line.endsWith("runs/search"))!;
      expect([asked.body.max_results, asked.body.filter.split(" and ")]).toEqual([
        101,
        [
          "tags.environment = '-'",
          "tags.action = 'freeze'",
          "tags.app_version = '1.0.7'",
          "attributes.start_time < 1767571200000",
        ],
      ]);
    });
  });

  it("may be of each action that the pipeline and people write", () => {
    const step = (name: string) => readFileSync(join(repositoryRoot, "workflows", name), "utf8");
    const steps = ["ask_approval", "promote", "deploy", "revert", "abort_canary"].map((name) => `steps/${name}.py`);
    const source = [...steps, "lib/restoration.py"].map(step).join("\n");
    const written = [...source.matchAll(/release_log\.(?:begin|begin_way_back|opened|note)\(\s*"(\w+)"/g)];
    // A response's action is one of the two that the API server lets in.
    const answers = /action: \{ type: string, enum: \[(.*)\] \}/.exec(step("approval-crd.yaml"))![1].split(", ");
    const all = [...written.map(([, action]) => action), ...answers, "freeze", "unfreeze"];
    expect([...recordActions].sort()).toEqual([...new Set(all)].sort());
  });

  it.each([
    ["2026-01-04T12:00:00Z", ["1.0.7", "1.0.7"]],
    ["2026-01-04T10:30:00Z", ["1.0.7", null]],
    ["2026-01-02T00:00:00Z", [null, null]],
  ])("tells what each environment served at %s", async (at, served) => {
    await withBoard(withRecords, async ({ url }) => {
      const { body } = await ask(`${url}/api/served?at=${at}`);
      expect(body.from).toBe("2026-01-03T10:59:00.000Z");
      expect(body.environments.slice(1).map(({ version: found }: any) => found)).toEqual(served);
    });
  });

  it("gives the figures of the last 30 days", async () => {
    await withBoard(withRecords, async ({ url }) => {
      const { body } = await ask(`${url}/api/delivery`);
      expect(body.environments.map(({ name }: any) => name)).toEqual(["staging", "canary", "production"]);
      expect(Date.parse(body.to) - Date.parse(body.from)).toBe(30 * 86_400_000);
      expect([body.leadTime, body.judged]).toEqual([{ count: 0, median: null, p90: null }, 0]);
    });
  });
});

describe("an address with parameters", () => {
  it.each([
    ["models?before=0", 'before "0" is not a version: write its number.'],
    ["models?before=1&before=2", "The parameter before is there twice: write it once."],
    ["models?after=1", 'There is no parameter "after": write before.'],
    ["history?before=yesterday", 'before "yesterday" is not a time: write it as in 2026-01-31T12:00:00Z.'],
    [
      "history?environment=x' or '1",
      `environment "x' or '1" is none of the environments: write one of staging, canary, production, -.`,
    ],
    [
      "history?action=dance",
      'action "dance" is none of the actions: write one of deploy, promote, revert, restore, abort, ask, approve, ' +
        "reject, expire, freeze, unfreeze.",
    ],
    ["history?version=7", 'version "7" is not a version: write it as in 1.0.7.'],
    ["history?version=1.0.7' or '1", `version "1.0.7' or '1" is not a version: write it as in 1.0.7.`],
    ["history?outcome=broken", 'There is no parameter "outcome": write environment, action, version, before.'],
    ["served", "at is missing: write a time, as in 2026-01-31T12:00:00Z."],
    ["served?at=2026-13-01T00:00:00Z", 'at "2026-13-01T00:00:00Z" is not a time: write it as in 2026-01-31T12:00:00Z.'],
    ["delivery?days=3", 'There is no parameter "days": write none.'],
    ["logs/a/..%2f..%2fsecrets", "This names no step of a Workflow."],
  ])("%s is refused with a sentence", async (path, error) => {
    await withBoard(wholePipeline, async ({ url }) => {
      const answer = await ask(`${url}/api/${path}`);
      expect([answer.status, answer.body]).toEqual([400, { error }]);
    });
  });

  it.each(["toString", "nothing", "models/5", "logs/a", "logs/a/b/c", ""])("%s is nothing", async (path) => {
    await withBoard(wholePipeline, async ({ url }) => {
      const { status } = await ask(`${url}/api/${path}`);
      expect(status).toBe(path === "logs/a" ? 400 : 404);
    });
  });

  it("is answered with 502 where MLflow does not answer", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      for (const line of Object.keys(fake.answers).filter((known) => known.includes("mlflow")))
        fake.answers[line] = [503, "no endpoints"];
      const { status, body } = await ask(`${url}/api/models`);
      expect([status, body.error]).toEqual([502, expect.stringMatching(/^MLflow answered with 503/)]);
    });
  });
});

describe("GET /api/logs", () => {
  const pods = "/api/v1/namespaces/argo/pods";
  const list = `GET ${pods}?labelSelector=workflows.argoproj.io/workflow=train-model-abc`;
  const pod = (phase: string) => ({
    items: [
      {
        metadata: {
          name: "train-model-abc-train-77",
          annotations: { "workflows.argoproj.io/node-id": "train-model-abc-77" },
        },
        status: { phase },
      },
    ],
  });
  const log = `GET ${pods}/train-model-abc-train-77/log?container=main&follow=true&tailLines=2000`;
  const lines = (events: Events) => events.all.map(({ name, data }) => [name, data]);

  it("streams the lines of a step as they come, and says when it has ended", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      fake.answers[list] = pod("Running");
      let write: (text: string) => void = () => undefined;
      let end: () => void = () => undefined;
      fake.answers[log] = (_call: unknown, response: any) => {
        response.writeHead(200).flushHeaders();
        write = (text) => response.write(text);
        end = () => response.end();
        write("pass 1\ntime=x msg=y argo=true\n<b>\r\n");
      };
      const events = await Events.open(`${url}/api/logs/train-model-abc/train-model-abc-77`);
      await events.until(({ all }) => (all.length === 2 ? true : undefined));
      write("pass 2");
      end();
      await events.until(({ all }) => (all.at(-1)?.name === "end" ? true : undefined));
      expect(lines(events)).toEqual([
        ["line", "pass 1"],
        ["line", "<b> "],
        ["line", "pass 2"],
        ["end", ""],
      ]);
    });
  });

  it("stops asking the API server when the page closes it", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      fake.answers[list] = pod("Running");
      let closed: Promise<void> | undefined;
      fake.answers[log] = (_call: unknown, response: any) => {
        closed = new Promise((resolve) => response.once("close", resolve));
        response.writeHead(200).write("pass 1\n");
      };
      const events = await Events.open(`${url}/api/logs/train-model-abc/train-model-abc-77`);
      await events.until(({ all }) => (all.length === 1 ? true : undefined));
      events.close();
      await closed;
    });
  });

  it("cuts a line of a megabyte", async () => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      fake.answers[list] = pod("Succeeded");
      fake.answers[log] = (_call: unknown, response: any) => response.end(`${"x".repeat(1_000_000)}\n`);
      const events = await Events.open(`${url}/api/logs/train-model-abc/train-model-abc-77`);
      await events.until(({ all }) => (all.at(-1)?.name === "end" ? true : undefined));
      expect(events.all[0].data).toHaveLength(4000);
    });
  });

  it.each<[string, unknown, unknown, string]>([
    [
      "has no pod",
      { items: [] },
      undefined,
      "The step has no pod, so it has no log: it was skipped, or its log is gone.",
    ],
    ["waits for its pod", pod("Pending"), undefined, "The step's pod has not started yet, so it has no log."],
    ["has lost its log", pod("Failed"), [400, { message: "container not found" }], "container not found"],
  ])("says why there is no line of a step that %s", async (_title, found, answer, why) => {
    await withBoard(wholePipeline, async ({ url, fake }) => {
      fake.answers[list] = found;
      fake.answers[log] = answer;
      const events = await Events.open(`${url}/api/logs/train-model-abc/train-model-abc-77`);
      await events.until(({ all }) => (all.length > 0 ? true : undefined));
      expect(lines(events)).toEqual([["end", why]]);
    });
  });
});
