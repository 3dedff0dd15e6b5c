import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { follow } from "../../cli/train";
import { pipelineRunWorkflows, submit } from "../../client/workflows";
import { closedPort, clusterAt, kubeconfig, whoIs, withApiServer } from "./api-server";
import { gate, workflow } from "./workflows";

const root = join(__dirname, "..", "..");
const state = mkdtempSync(join(tmpdir(), "train-"));
const workflows = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows";
const pipelineRunOf = (name: string) => `GET ${workflows}?labelSelector=gourmetgram.io/pipeline-run=${name}`;
const podsOf = (name: string) =>
  `GET /api/v1/namespaces/argo/pods?labelSelector=workflows.argoproj.io/workflow=${name}`;

afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(state, { recursive: true }));

function command(file: string, args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["--require", "tsx/cjs", join("cli", file), ...args], {
    cwd: root,
    env: { ...process.env, GOURMETGRAM_STATE: state },
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...text })));
}

const promoteUsage = `Usage: npm run promote -- <version> <source> <target> [--emergency "<why>"], as in:
       npm run promote -- 5 canary production`;

describe("npm run train, before anything is touched", () => {
  it.each([
    [
      "a scenario that isn't one",
      ["foo"],
      '"foo" is not a training scenario: ' +
        "write one of normal, bad-architecture, oversized, slow, flaky, worse, drifting\n",
    ],
    [
      "a cluster that was never started",
      ["normal"],
      `there is no kubeconfig ${join(state, "kubeconfig")}: run npm start first\n`,
    ],
  ])("refuses %s with exit code 2", async (_title, args, stderr) => {
    expect(await command("train.ts", args)).toEqual({ code: 2, stdout: "", stderr });
  });
});

describe("--help", () => {
  it.each([
    [
      "train.ts",
      "Usage: npm run train -- [normal|bad-architecture|oversized|slow|flaky|worse|drifting]\n\n" +
        "Trains a model and follows it to its end. " +
        "Exit code 0: the model was promoted. 1: it was turned away or held.\n2: something failed.\n",
    ],
    [
      "promote.ts",
      `${promoteUsage}

Promotes the version that runs in the source environment to the next environment. Where the stack asks for approvals, it
waits for people first. With --emergency the calendar does not count, and people have to approve it. Exit code 0: the
target serves it. 1: a rule or a person forbids it. 2: something failed.
`,
    ],
  ])("of %s is true for every promotion path", async (file, stdout) => {
    expect(await command(file, ["--help"])).toEqual({ code: 0, stdout, stderr: "" });
  });
});

describe("Ctrl-C", () => {
  /** Runs a command, which gets the signal at the first call that `isMoment`; that call stays without an answer. */
  async function interrupted(args: string[], isMoment: (call: string) => boolean, signal: NodeJS.Signals = "SIGINT") {
    let child: ReturnType<typeof spawn> | undefined;
    const server = createServer((request, response) => {
      request.resume();
      if (isMoment(`${request.method} ${request.url}`)) return void child!.kill(signal);
      const isList = request.url!.includes("/pods");
      response.end(JSON.stringify(isList ? { items: [] } : { status: { userInfo: { username: "anna" } } }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(state, "kubeconfig");
    writeFileSync(file, kubeconfig(url).replaceAll('"food"', '"gourmetgram-local"'));
    child = spawn(process.execPath, ["--require", "tsx/cjs", ...args], {
      cwd: root,
      env: { ...process.env, GOURMETGRAM_STATE: state },
    });
    let stderr = "";
    child.stderr!.on("data", (chunk) => (stderr += chunk));
    const code = await new Promise((resolve) => child!.on("close", resolve));
    server.closeAllConnections();
    server.close();
    rmSync(file);
    return { stderr, code };
  }

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("says that the pipeline run goes on, and how to see and stop it (%s)", async (signal, exitCode) => {
    const isList = (call: string) => call.startsWith(`GET ${workflows}?`);
    const { stderr, code } = await interrupted(["cli/train.ts"], isList, signal);
    expect(stderr).toMatch(/^\ntrain-model-[0-9a-f]{6} goes on in the cluster; it is only no longer shown here\.\n/);
    const kubectl = `kubectl --kubeconfig ${join(state, "kubeconfig")}`;
    expect(stderr).toMatch(
      new RegExp(`^To stop it: ${kubectl} patch workflow train-model-[0-9a-f]{6} --namespace argo `, "m"),
    );
    expect(code).toBe(exitCode);
  });

  it.each([
    ["train", ["cli/train.ts"], "/workflowtemplates/"],
    ["promote", ["cli/promote.ts", "5", "canary", "production"], "GET /"],
    ["collect", ["cli/collect.ts"], "/selfsubjectreviews"],
  ])("says that nothing was started, before the Workflow is sent (npm run %s)", async (_title, args, moment) => {
    expect(await interrupted(args, (call) => call.includes(moment))).toEqual({
      stderr: "\nNothing was started.\n",
      code: 130,
    });
  });

  it("says that it does not know, while the answer to the Workflow is awaited", async () => {
    const { stderr, code } = await interrupted(["cli/train.ts"], (call) => call === `POST ${workflows}`);
    expect(stderr).toMatch(/^\nIt is not known whether train-model-[0-9a-f]{6} was started: run npm run status\.\n$/);
    expect(code).toBe(130);
  });
});

describe("npm run promote, before anything is touched", () => {
  it.each([
    [
      "a version that isn't one",
      ["$(id)", "canary", "production"],
      '"$(id)" is not a model version: write its number, as in 5 or 1.0.5\n',
    ],
    [
      "the version zero",
      ["0", "canary", "production"],
      '"0" is not a model version: write its number, as in 5 or 1.0.5\n',
    ],
    ["too few words", ["5"], `${promoteUsage}\n`],
    [
      "a cluster that was never started",
      ["1.0.5", "canary", "production"],
      `there is no kubeconfig ${join(state, "kubeconfig")}: run npm start first\n`,
    ],
  ])("refuses %s with exit code 2", async (_title, args, stderr) => {
    expect(await command("promote.ts", args)).toEqual({ code: 2, stdout: "", stderr });
  });
});

describe("npm run status", () => {
  it("says that the cluster can't be reached, with exit code 1", async () => {
    // Port 1 of this machine is nobody's.
    writeFileSync(
      join(state, "kubeconfig"),
      kubeconfig("http://127.0.0.1:1").replaceAll('"food"', '"gourmetgram-local"'),
    );
    const outcome = await command("status.ts", []);
    rmSync(join(state, "kubeconfig"));
    expect(outcome).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "can't reach the cluster at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): " +
        "run npm start, or check the stack's context\n",
    });
  });
});

describe("submit", () => {
  const template = "GET /apis/argoproj.io/v1alpha1/namespaces/argo/workflowtemplates/train-model";

  it("starts the template as the first of a pipeline run of the same name", async () => {
    await withApiServer({ ...whoIs("anna"), [template]: {}, [`POST ${workflows}`]: {} }, async (cluster, calls) => {
      const name = await submit(cluster, "train-model", { scenario: "oversized" });
      expect(name).toMatch(/^train-model-[0-9a-f]{6}$/);
      expect(calls.at(-1)!.body).toEqual({
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: {
          name,
          namespace: "argo",
          labels: { "gourmetgram.io/pipeline-run": name },
          annotations: { "gourmetgram.io/submitted-by": "anna" },
        },
        spec: {
          workflowTemplateRef: { name: "train-model" },
          arguments: { parameters: [{ name: "scenario", value: "oversized" }] },
        },
      });
    });
  });

  /** Submits to an API server that gives these answers to the Workflow: a status, or a reset connection. */
  async function submitted(...answers: (number | "reset")[]) {
    const names: string[] = [];
    const waits: string[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const isWorkflow = request.url === workflows;
      if (isWorkflow) names.push(JSON.parse(Buffer.concat(chunks).toString()).metadata.name);
      const answer = isWorkflow ? answers[names.length - 1] : 200;
      if (answer === "reset") return void request.socket.destroy();
      response.writeHead(answer, { connection: "close" });
      response.end(JSON.stringify({ message: "says the server", status: { userInfo: { username: "anna" } } }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const cluster = clusterAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const patience = { bound: 2000, interval: 10 };
    try {
      const name = await submit(cluster, "train-model", {}, { onWait: (reason) => waits.push(reason), patience });
      return { isOneName: names.every((sent) => sent === name), sent: names.length, waits: waits.length };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it.each(["reset", 503, 429] as const)("sends the Workflow again, by the same name, after %s", async (answer) => {
    expect(await submitted(answer, answer, 201)).toEqual({ isOneName: true, sent: 3, waits: 1 });
  });

  it("knows by a conflict that the call was made whose answer was lost", async () => {
    expect(await submitted("reset", 409)).toEqual({ isOneName: true, sent: 2, waits: 1 });
  });

  it.each([409, 403, 422])("sends no Workflow again that is refused with %i at once", async (status) => {
    await expect(submitted(status, 201)).rejects.toThrow("says the server");
  });

  it("waits for an API server that breaks off before the Workflow is sent", async () => {
    const answers = { ...whoIs("anna"), [template]: {}, [`POST ${workflows}`]: {} };
    const away = new Set([template, Object.keys(whoIs("anna"))[0]]);
    const once = new Proxy<Record<string, unknown>>(answers, {
      get: (target, line: string) => (away.delete(line) ? [503, { message: "busy" }] : target[line]),
    });
    await withApiServer(once, async (cluster, calls) => {
      await submit(cluster, "train-model", {}, { patience: { bound: 2000, interval: 10 } });
      expect(calls).toHaveLength(5);
    });
  });

  it("submits nothing where the template isn't there", async () => {
    await withApiServer(
      { [template]: [404, { message: 'workflowtemplates "train-model" not found' }] },
      async (cluster, calls) => {
        await expect(submit(cluster, "train-model", {})).rejects.toThrow(
          new Error(
            'the cluster has no template train-model (workflowtemplates "train-model" not found): ' +
              "run npm start, or pulumi up",
          ),
        );
        expect(calls).toHaveLength(1);
      },
    );
  });
});

describe("a pipeline run", () => {
  const trained = workflow("train-model", { from: 0, to: 60, steps: [{ name: "train", from: 1, to: 55 }] });
  const reason = "load: P95 2400 ms; staging is back on 1.0.6";
  const tested = workflow("test-staging", {
    from: 101,
    to: 190,
    outcome: "reverted",
    reason,
    steps: [gate("load", 120, 150, "fail", "P95 2400 ms")],
  });

  it("is listed oldest first", async () => {
    const list = await withApiServer({ [pipelineRunOf("c")]: { items: [tested, trained] } }, (cluster) =>
      pipelineRunWorkflows(cluster, "c"),
    );
    expect(list.map(({ metadata }) => metadata.name)).toEqual(["train-model-abc123", "test-staging-v7-def456"]);
  });

  it("is printed line by line, by the time since it was submitted, to its outcome", async () => {
    const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const answers = { [pipelineRunOf("c")]: { items: [trained, tested] }, [podsOf("c")]: { items: [] } };
    const outcome = await withApiServer(answers, (cluster) =>
      follow(cluster, "c", Date.parse(trained.metadata.creationTimestamp)),
    );
    expect(outcome).toEqual({ exitCode: 1, word: "Turned away", sentence: reason });
    expect(printed.mock.calls.map(([line]) => line)).toEqual([
      "  0:00 ▶ train-model-abc123",
      "  0:55     ✓ train 54 s",
      "  1:00 ✓ train-model-abc123 60 s",
      "  1:41 ▶ test-staging-v7-def456",
      "  2:30     ✗ load 30 s  fail: P95 2400 ms",
      `  3:10 ✓ test-staging-v7-def456 89 s  reverted: ${reason}`,
    ]);
  });
});

describe("following a pipeline run", () => {
  const running = workflow("train-model", { from: 0 });
  const name = running.metadata.name;
  const trained = workflow("train-model", { from: 0, to: 60 });
  const testing = workflow("test-staging", { from: 61 });
  const ended = [
    trained,
    workflow("test-staging", { from: 61, to: 90, outcome: "promoted", reason: "canary serves it" }),
  ];
  const patience = { bound: 400, interval: 20 };
  const list = pipelineRunOf(name);

  /** Follows a pipeline run that the API server answers for with these, one after the other, the last one for good. */
  async function followed(...answers: unknown[]) {
    const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const known: Record<string, unknown> = { [podsOf(name)]: { items: [] } };
    const next = new Proxy(known, {
      has: (target, line) => line === list || line in target,
      get: (target, line: string) => {
        if (line !== list) return target[line];
        return answers.length > 1 ? answers.shift() : answers[0];
      },
    });
    const outcome = await withApiServer(next, (cluster) => follow(cluster, name, Date.now(), patience));
    return { outcome, printed: printed.mock.calls.map(([line]) => line as string) };
  }
  const items = (...workflows: object[]) => ({ items: workflows });
  const waits = (lines: string[]) => lines.filter((line) => line.includes("waits up to"));

  it.each([429, 500, 502, 503, 504])("waits for an API server that answers %i, and says so once", async (status) => {
    const away = [status, { message: "the server is busy" }];
    const { outcome, printed } = await followed(items(running), away, away, away, items(...ended));
    expect(outcome).toEqual({ exitCode: 0, word: "Promoted", sentence: "canary serves it" });
    expect(waits(printed)).toEqual(["  0:00 … waits up to 0 s for the API server: the server is busy"]);
  });

  it("waits for an API server that is not there, and for one that breaks off", async () => {
    const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const port = await closedPort();
    const followedRun = follow(clusterAt(`http://127.0.0.1:${port}`), name, Date.now(), { bound: 8000, interval: 20 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    let calls = 0;
    const server = createServer((request, response) => {
      if (request.url!.includes("/pods")) return void response.end(JSON.stringify(items()));
      calls++;
      if (calls === 1) return void request.socket.destroy();
      const text = JSON.stringify(items(...ended));
      response.writeHead(200, { "content-length": text.length, connection: "close" });
      if (calls > 2) return void response.end(text);
      response.write(text.slice(0, 9));
      setTimeout(() => request.socket.destroy(), 20);
    }).listen(port, "127.0.0.1");
    expect(await followedRun).toMatchObject({ exitCode: 0 });
    server.closeAllConnections();
    server.close();
    expect(calls).toBe(3);
    expect(waits(printed.mock.calls.map(([line]) => line as string))).toHaveLength(1);
  });

  it("gives up at the bound, and says that the pipeline run may continue", async () => {
    await expect(followed(items(running), [503, { message: "the server is busy" }])).rejects.toThrow(
      new Error(`the server is busy\n${name} is no longer followed. It may continue: run npm run status`),
    );
  });

  it.each([401, 403, 404, 409])("does not repeat what is answered with %i", async (status) => {
    const answers = [items(running), [status, { message: "no" }], items(...ended)];
    await expect(followed(...answers)).rejects.toThrow(/^no\n/);
  });

  const remedy =
    "If it had changed an environment, a schedule restores it within ten minutes. " +
    "To see what runs, run npm run status. Then run the command again";
  const broken = (reason: string) => ({ exitCode: 2, word: "Broken", sentence: `${reason}. ${remedy}` });

  it("ends with exit code 2 if the Workflow is deleted", async () => {
    const deleted = broken(`${name} was deleted before it ended`);
    expect((await followed(items(running), items())).outcome).toEqual(deleted);
    expect((await followed(items())).outcome).toEqual(deleted);
  });

  it("ends with exit code 2 if a Workflow that it started is deleted", async () => {
    const child = testing.metadata.name;
    expect((await followed(items(trained, testing), items(trained))).outcome).toEqual(
      broken(`${child} was deleted before it ended`),
    );
    expect((await followed(items(running), items(trained))).outcome).toEqual(
      broken(`the Workflow that ${name} started was deleted`),
    );
  });

  it("follows the Workflows that are left to their end", async () => {
    const { outcome, printed } = await followed(
      items(running, testing),
      items(testing),
      items(workflow("test-staging", { from: 61, to: 90, outcome: "reverted" })),
    );
    expect(outcome).toEqual(broken(`${name} was deleted before it ended`));
    expect(printed.at(-1)).toContain("✓ test-staging");
  });

  it("misses no Workflow that had ended", async () => {
    const reverted = workflow("test-staging", { from: 61, to: 90, outcome: "reverted", reason: "load: slow" });
    expect((await followed(items(trained, testing), items(reverted))).outcome).toEqual({
      exitCode: 1,
      word: "Turned away",
      sentence: "load: slow",
    });
  });
});
