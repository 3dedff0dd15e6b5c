import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { follow } from "../../cli/train";
import { pipelineRunWorkflows, submit } from "../../cli/workflows";
import { kubeconfig, whoIs, withApiServer } from "./api-server";
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
  const child = spawn(join(root, "node_modules", ".bin", "tsx"), [join("cli", file), ...args], {
    cwd: root,
    env: { ...process.env, GOURMETGRAM_STATE: state },
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...text })));
}

describe("npm run train, before anything is touched", () => {
  it.each([
    [
      "a scenario that isn't one",
      ["foo"],
      '"foo" is not a training scenario: write one of normal, bad-architecture, oversized, slow, flaky\n',
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
      "Usage: npm run train -- [normal|bad-architecture|oversized|slow|flaky]\n\n" +
        "Trains a model and follows it to its end. " +
        "Exit code 0: the model was promoted. 1: it was turned away or held.\n2: something failed.\n",
    ],
    [
      "promote.ts",
      "Usage: npm run promote -- <version> <source> <target>, as in: npm run promote -- 5 canary production\n\n" +
        "Promotes the version that runs in the source environment to the next environment. " +
        "Exit code 0: the target serves it.\n1: a rule forbids it. 2: something failed.\n",
    ],
  ])("of %s is true for every promotion path", async (file, stdout) => {
    expect(await command(file, ["--help"])).toEqual({ code: 0, stdout, stderr: "" });
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
    [
      "too few words",
      ["5"],
      "Usage: npm run promote -- <version> <source> <target>, as in: npm run promote -- 5 canary production\n",
    ],
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
