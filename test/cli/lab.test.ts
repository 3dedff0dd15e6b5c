import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseName, runLab } from "../../cli/lab";
import { readEvidence, readLab, writeEvidence } from "../../cli/lab-evidence";
import { type Pictures, pictureProblems } from "../../cli/lab-pictures";
import { repositoryRoot } from "../../lib/paths";
import { type Answers, closedPort, kubeconfig, whoIs, withApiServer } from "./api-server";

const secret = "token-that-only-the-kubeconfig-has";
const state = mkdtempSync(join(tmpdir(), "lab-"));
const folder = join(state, "evidence");
const file = join(folder, "evidence.json");
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
afterAll(() => rmSync(state, { recursive: true }));
beforeEach(() => {
  vi.stubEnv("GOURMETGRAM_STATE", state);
  vi.stubEnv("GOURMETGRAM_CHROMIUM", join(state, "no-browser"));
  for (const name of ["evidence", "urls.json"]) rmSync(join(state, name), { recursive: true, force: true });
});

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const [good, base] = [digest("2"), digest("b")];
const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const pairs = (values: Record<string, string>) => Object.entries(values).map(([key, value]) => ({ key, value }));
const at = (minute: number) => Date.UTC(2026, 0, 5, 10, minute);
const gate = (verdict: string, reason = "") => JSON.stringify({ verdict, reason });

const version = (number: number, tags: Record<string, string>) => ({
  version: String(number),
  creation_timestamp: at(10 * number),
  tags: pairs({ image_digest: digest(String(number)), ...tags }),
});
const versions = [
  version(3, { scenario: "oversized", "gate.resource": gate("fail", "OOMKilled: it needs more than 256Mi") }),
  version(2, { scenario: "normal", "gate.integration": gate("pass"), "gate.load": gate("pass") }),
  version(1, { scenario: "bad-architecture", "gate.integration": gate("fail", "/test answers 500") }),
];
const pipeline = "pipeline run train-model-0a1b2c";
const run = (minute: number, tags: Record<string, string>) => ({
  info: { run_id: `r${minute}`, start_time: at(minute), end_time: at(minute + 1) },
  data: { tags: pairs({ requested_by: pipeline, ...tags }) },
});
const serves = (number: string, of: string) => ({ serves_version: number, serves_digest: of });
const promotion = (minute: number, environment: string, requestedBy: string) =>
  run(minute, {
    action: "promote",
    environment,
    app_version: "1.0.2",
    requested_by: requestedBy,
    outcome: "promoted",
    ...serves("1.0.2", good),
  });
const revert = (minute: number, number: number, to: Record<string, string>) => {
  const workflow = `revert-staging-v${number}-0a1b2c`;
  return run(minute, { action: "revert", environment: "staging", workflow, outcome: "reverted", ...to });
};
const byHand = promotion(37, "production", "kubernetes-super-admin");
const records = [
  byHand,
  revert(33, 3, serves("1.0.2", good)),
  promotion(25, "canary", pipeline),
  revert(13, 1, serves("base", base)),
];

function environment(name: string): Answers {
  const containers = [{ name: "app", ready: true, imageID: `registry/app@${good}`, restartCount: 0 }];
  return {
    [`GET /api/v1/namespaces/${name}/pods?labelSelector=app=${name}`]: {
      items: [{ metadata: {}, status: { containerStatuses: containers } }],
    },
    [`GET /api/v1/namespaces/${name}/services/${name}`]: { spec: { ports: [{ port: 80 }] } },
    [`GET /api/v1/namespaces/${name}/services/${name}:80/proxy/version`]: { model_version: "1.0.2" },
  };
}

const namespaces = ["staging", "canary", "production"].map((name) => `gourmetgram-${name}`);
const done: Answers = {
  ...whoIs("kubernetes-super-admin"),
  "GET /api/v1/namespaces/kube-system": { metadata: { uid: "uid-1" } },
  "GET /api/v1/namespaces/argo/configmaps/pipeline-parameters": {
    data: { environments: JSON.stringify({ staging: "", canary: "", production: "" }) },
  },
  [`GET ${mlflow}/model-versions/search?filter=name='GourmetGramFood11Model'&max_results=1000` +
    "&order_by=version_number DESC"]: { model_versions: versions },
  [`GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`]: {
    experiment: { experiment_id: "7" },
  },
  [`POST ${mlflow}/runs/search`]: { runs: records },
  "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": {
    items: namespaces.map((name) => ({
      metadata: { name },
      spec: {
        project: "gourmetgram",
        destination: { namespace: name },
        source: { kustomize: { images: [`gourmetgram-app=registry/app@${good}`] } },
      },
    })),
  },
  ...Object.assign({}, ...namespaces.map(environment)),
};
const withoutByHand: Answers = { ...done, [`POST ${mlflow}/runs/search`]: { runs: records.slice(1) } };
const noPictures: Pictures = { pictures: [], missing: "this stack has no board", failed: false };

const exercises = `✓ A model that passed all gates is promoted to canary by the pipeline
    1.0.2, promoted at 2026-01-05T10:26:00Z, asked for by pipeline run train-model-0a1b2c
✓ A model of the wrong architecture is turned away by the integration gate, and staging is reverted
    1.0.1, reverted at 2026-01-05T10:14:00Z, asked for by pipeline run train-model-0a1b2c
    integration fail: /test answers 500
✓ A model that needs too much memory is killed, turned away by the resource gate, and staging is reverted
    1.0.3, reverted at 2026-01-05T10:34:00Z, asked for by pipeline run train-model-0a1b2c
    resource fail: OOMKilled: it needs more than 256Mi
`;
const allDone = `${exercises}✓ A person promotes the version in canary to production
    1.0.2, promoted at 2026-01-05T10:38:00Z, asked for by kubernetes-super-admin

4 of 4 exercises are done.

What the record says runs in staging, canary and production.
`;
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a person does, who waits some seconds for Node.js. */
function command(args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ["--require", "tsx/cjs", "cli/lab.ts", ...args], { cwd: repositoryRoot });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...text })));
}

/** The same in this process. */
async function lab(args: string[]): Promise<Ended> {
  const print = (kind: "log" | "error") =>
    vi
      .spyOn(console, kind)
      .mockReset()
      .mockImplementation(() => undefined);
  const [stdout, stderr] = [print("log"), print("error")];
  const code = await runLab(args);
  const linesOf = ({ mock }: typeof stdout) => mock.calls.map(([line]) => `${line}\n`).join("");
  return { code, stdout: linesOf(stdout), stderr: linesOf(stderr) };
}

/** Runs `use` beside a cluster with these answers. @returns what the API server was sent to tell who calls */
async function beside<T>(answers: Answers, use: () => Promise<T>): Promise<{ result: T; tokens: unknown[] }> {
  return withApiServer(answers, async (_cluster, calls, url) => {
    const config = kubeconfig(url).replaceAll('"food"', '"gourmetgram-local"');
    writeFileSync(join(state, "kubeconfig"), config.replace('"user":{}', `"user":{"token":"${secret}"}`));
    const result = await use();
    return { result, tokens: [...new Set(calls.map(({ headers }) => headers.authorization))] };
  });
}

/** The evidence as another program would write it: with hashes that fit. */
function forge(text: string, change: (parts: any) => void): string {
  const { sha256: _, ...parts } = JSON.parse(text);
  change(parts);
  const hashOf = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
  const sha256 = Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, hashOf(value)]));
  return `${JSON.stringify({ ...parts, sha256 }, null, 2)}\n`;
}

describe("npm run lab:check", () => {
  it("finds every exercise, writes evidence under a name and without a secret, and lab:verify takes it", async () => {
    const args = ["--folder", folder, "--name", "Student Nº 7"];
    writeFileSync(join(state, "urls.json"), JSON.stringify({ machine: { board: "http://127.0.0.1:1/" } }));
    const { result, tokens } = await beside(done, () => command(args));
    const pictures =
      "No pictures of the board: there is no browser: install chromium, or name one in GOURMETGRAM_CHROMIUM.\n";
    expect(result).toEqual({ code: 0, stdout: `${allDone}${pictures}The evidence is in ${file}.\n`, stderr: "" });
    expect(tokens).toEqual([`Bearer ${secret}`]);
    const text = readFileSync(file, "utf8");
    expect(text).toContain("OOMKilled");
    expect(text).not.toContain(secret);

    const { checkedAt } = JSON.parse(text);
    expect(await command(["--verify", folder])).toEqual({
      code: 0,
      stdout:
        `${allDone}${pictures}` +
        `It says that it is of Student Nº 7: the user kubernetes-super-admin on the cluster uid-1, at ${checkedAt}.\n` +
        "Nothing was changed by accident. Only --cluster, where the stack's cluster is this one, finds a forgery.\n",
      stderr: "",
    });
    writeFileSync(file, text.replace("OOMKilled", "OOMKiller"));
    expect(await command(["--verify", folder])).toEqual({
      code: 1,
      stdout: "",
      stderr: 'evidence is not valid: its part "versions" was changed after it was written.\n',
    });
  }, 120_000);

  it("says what is missing and what differs, and that nobody's name is in it", async () => {
    const { result } = await beside(withoutByHand, () => lab(["--folder", folder]));
    expect(result).toEqual({
      code: 1,
      stdout: `${exercises}✗ A person promotes the version in canary to production
    run npm run promote -- <version> canary production

3 of 4 exercises are done.

✗ production is told to run ${good}, and the record says no model
✗ production answers 1.0.2 on /version, and the record says no model
No pictures of the board: this stack has no board.
The evidence is in ${file}.
It has no name in it: give yours with -- --name "<name>".
`,
      stderr: "",
    });
  });

  it("ends with code 1 where all exercises are done and the cluster runs something else", async () => {
    const version = "GET /api/v1/namespaces/gourmetgram-canary/services/gourmetgram-canary:80/proxy/version";
    const other = { ...done, [version]: { model_version: "1.0.9" } };
    const { result } = await beside(other, () => lab(["--folder", folder]));
    expect(result.stdout).toContain(
      `4 of 4 exercises are done.\n\n✗ canary answers 1.0.9 on /version, and the record says 1.0.2 (${good})\n`,
    );
    expect(result.code).toBe(1);
    expect(await lab(["--verify", folder])).toMatchObject({ code: 1, stderr: "" });
  });

  it("writes the evidence where the browser fails, without old pictures, and ends with code 2", async () => {
    const { result } = await beside(done, () => lab(["--folder", folder]));
    expect(result.code).toBe(0);
    const old = join(folder, "board-models.png");
    writeFileSync(old, "of an earlier check");
    const board = `http://127.0.0.1:${await closedPort()}/`;
    writeFileSync(join(state, "urls.json"), JSON.stringify({ machine: { board } }));
    vi.stubEnv("GOURMETGRAM_CHROMIUM", "/bin/false");
    const failed = await beside(done, () => lab(["--folder", folder]));
    expect(failed.result).toMatchObject({ code: 2, stderr: "" });
    expect(failed.result.stdout).toMatch(
      /\nNo pictures of the board: browserType\.launch: [^\n]+\.\nThe evidence is in /,
    );
    expect(existsSync(old)).toBe(false);
    const verified = await lab(["--verify", folder]);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toMatch(
      /\nNo pictures of the board: browserType\.launch: .+\.\nIt names nobody: the user /,
    );
  });

  it("fails before it writes anything where there is no cluster", async () => {
    rmSync(join(state, "kubeconfig"), { force: true });
    await expect(lab(["--folder", folder])).rejects.toThrow(
      `there is no kubeconfig ${join(state, "kubeconfig")}: run npm start first`,
    );
    expect(existsSync(folder)).toBe(false);
  });

  it.each(["Anna", "Zoë O’Neil-Łuk, M.Sc.", "s123456@uni.example", "李雷", "é"])("takes the name %s", (name) => {
    expect(parseName(name)).toBe(name);
  });

  it.each(["", " Anna", "-Anna", "An\nna", "An\u001b[1mna", "<b>Anna</b>", "a".repeat(101)])(
    "refuses the name %j",
    (name) => {
      expect(() => parseName(name)).toThrow(
        `${JSON.stringify(name)} is not a name: write letters, digits, spaces and .,'@_- of at most 100 characters, ` +
          "and a letter or a digit first",
      );
    },
  );
});

describe("npm run lab:verify -- <folder> --cluster", () => {
  it("accepts what the cluster's record shows, and refuses a forgery and another cluster's evidence", async () => {
    await beside(withoutByHand, () => lab(["--folder", folder]));
    const text = readFileSync(file, "utf8");
    const now = await withApiServer(done, readLab);
    const forged = forge(text, (parts) => Object.assign(parts, JSON.parse(JSON.stringify(now))));
    writeFileSync(file, forged);
    const alone = await lab(["--verify", folder]);
    expect(alone.code).toBe(0);

    const { result: refused } = await beside(withoutByHand, () => lab(["--verify", folder, "--cluster"]));
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: "evidence is not valid: the cluster's record does not show the exercise manual-promotion as it does.\n",
    });
    const { result: accepted } = await beside(done, () => lab(["--verify", folder, "--cluster"]));
    expect(accepted).toEqual({
      code: 0,
      stdout: alone.stdout.replace(/Nothing was changed .*\n$/, "The cluster's record shows the same exercises.\n"),
      stderr: "",
    });
    const another = { ...done, "GET /api/v1/namespaces/kube-system": { metadata: { uid: "uid-2" } } };
    const { result: elsewhere } = await beside(another, () => lab(["--verify", folder, "--cluster"]));
    expect(elsewhere).toEqual({
      code: 1,
      stdout: "",
      stderr: "evidence is not valid: it is of the cluster uid-1, and this one is uid-2.\n",
    });
  });
});

describe("the arguments", () => {
  it.each([
    ["lab:check of a folder as lab:verify takes it", ["folder"]],
    ["lab:check with --cluster", ["--cluster"]],
    ["lab:verify without a folder", ["--verify"]],
    ["lab:verify with a name", ["--verify", "folder", "--name", "Anna"]],
  ])("%s is refused with the usage", async (_title, args) => {
    await expect(lab(args)).rejects.toThrow(`Usage: npm run lab:check [-- --name "<name>"] [--folder <folder>]
       npm run lab:verify -- <folder> [--cluster]`);
  });

  it("name a folder that lab:check has written: otherwise the exit code is 2", async () => {
    const missing = join(state, "nothing");
    expect(await command(["--verify", missing])).toEqual({
      code: 2,
      stdout: "",
      stderr: `there is no ${join(missing, "evidence.json")}: name a folder that npm run lab:check has written\n`,
    });
  }, 60_000);
});

describe("the evidence", () => {
  const written = async (name: string | null = "Anna") =>
    writeEvidence(await withApiServer(done, readLab), name, noPictures, new Date(at(59)));

  it("is whole as it was written", async () => {
    const { content, problems } = readEvidence(await written());
    expect(problems).toEqual([]);
    expect(content).toMatchObject({ name: "Anna", user: "kubernetes-super-admin", cluster: "uid-1", differences: [] });
  });

  it.each([
    ["a record's time", "2026-01-05T10:38:00.000Z", "2026-01-05T10:39:00.000Z", ['its part "releases" was changed']],
    ["a verdict", "/test answers 500", "/test answers 501", ['its part "versions" was changed']],
    ["the name", '"Anna"', '"Anne"', ['its part "name" was changed']],
    ["the name of a part", '"user":', '"xser":', ['its part "user" is missing', 'its part "xser" was changed']],
    ["what runs", '"answers": "1.0.2"', '"answers": "1.0.3"', ['its part "serving" was changed']],
    ["why there are no pictures", "no board", "no bored", ['its part "pictures" was changed']],
    ["a space", '"format": 2', '"format":  2', ["its layout was changed"]],
  ])("names %s as changed", async (_title, before, after, said) => {
    const text = await written();
    expect(text).toContain(before);
    const { problems } = readEvidence(text.replace(before, after));
    expect(problems.map((problem) => problem.replace(" after it was written", ""))).toEqual(said);
  });

  it("is not accepted with any one byte changed", async () => {
    const text = await written();
    const step = Math.ceil(text.length / 400);
    for (let index = 0; index < text.length; index += step) {
      const changed = text[index] === "x" ? "y" : "x";
      const { problems } = readEvidence(text.slice(0, index) + changed + text.slice(index + 1));
      expect(problems, `byte ${index}`).not.toEqual([]);
    }
  });

  it.each<[string, (parts: any) => void, string]>([
    ["exercises", (parts) => parts.releases.shift(), "its exercises do not follow from its records"],
    ["agreement", (parts) => (parts.serving[0].answers = "1.0.9"), "its differences do not follow from its records"],
    ["records", (parts) => (parts.releases = null), "its content is not what npm run lab:check writes"],
  ])("does not claim %s that its facts do not show, though its hashes fit", async (_title, change, problem) => {
    expect(readEvidence(forge(await written(), change)).problems).toContain(problem);
  });

  it.each(["", "{}", "[]", "null", '{"format": 2}', '{"format": 1, "sha256": {}}'])("is no other file: %j", (text) => {
    expect(readEvidence(text).problems).toEqual(["it is no evidence of npm run lab:check"]);
  });

  it("has the pictures that were taken, and no others", () => {
    const pictures = mkdtempSync(join(state, "pictures-"));
    writeFileSync(join(pictures, "board-models.png"), "a picture");
    const sha256 = createHash("sha256").update("a picture").digest("hex");
    expect(pictureProblems([{ file: "board-models.png", sha256 }], pictures)).toEqual([]);
    writeFileSync(join(pictures, "board-models.png"), "another picture");
    expect(pictureProblems([{ file: "board-models.png", sha256 }], pictures)).toEqual([
      "the picture board-models.png was changed after it was taken",
    ]);
    expect(pictureProblems([{ file: "../board-models.png", sha256 }], pictures)).toEqual([
      "the picture ../board-models.png is missing",
    ]);
  });
});
