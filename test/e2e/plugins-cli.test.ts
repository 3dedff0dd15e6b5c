/** The real Pulumi CLI on a real API server, through the stand-in plugins. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane";
import { repositoryRoot } from "../../local/paths";
import { installStandInPlugins, pulumi } from "../../local/pulumi";

const password = "correct horse battery staple";
let plane: ControlPlane;
let state: string;
let settings: string;
let project: string;
const before = process.env.GOURMETGRAM_STATE;

beforeAll(async () => {
  plane = await startControlPlane();
  state = mkdtempSync(join(tmpdir(), "gourmetgram-state-"));
  process.env.GOURMETGRAM_STATE = state;
  settings = join(state, "settings.yaml");
  project = join(state, "program"); // A copy, as the CLI writes beside the program.
  cpSync(join(__dirname, "plugins-program"), project, { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules"), join(project, "node_modules"));
  expect(installStandInPlugins()).toEqual(["kubernetes", "command"]);
  expect(installStandInPlugins()).toEqual(["kubernetes", "command"]);
  await run("stack", "init", "dev");
  await run("config", "set", "kubeconfig", plane.kubeconfig, "--config-file", settings);
  await run("config", "set", "password", password, "--secret", "--config-file", settings);
}, 60_000);

afterAll(async () => {
  if (before === undefined) delete process.env.GOURMETGRAM_STATE;
  else process.env.GOURMETGRAM_STATE = before;
  if (state) rmSync(state, { recursive: true, force: true });
  await plane?.stop();
});

/** Runs the CLI and gives all that it printed. */
async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const output = pulumi(args, { cwd: project, onLine: (line) => lines.push(line) });
  await output.catch((error) => {
    throw new Error(`${error.message}\n${lines.join("\n")}`);
  });
  return lines.join("\n");
}

const update = (command: string, ...args: string[]) => run(command, "--config-file", settings, ...args);
const names = async (path: string): Promise<string[]> => {
  const list = (await plane.client.request("GET", path)) as { items: { metadata: { name: string } }[] };
  return list.items.map(({ metadata }) => metadata.name);
};

it("brings a stack up, finds nothing to change, shows a change well, makes it, and takes all down again", async () => {
  const up = await update("up", "--yes");
  expect(up).toContain("+ 12 created");
  expect(up).toContain('hello   : "hello world"');
  expect(await names("/api/v1/namespaces/demo/configmaps")).toEqual(expect.arrayContaining(["settings", expect.stringMatching(/^named-[0-9a-f]{8}$/)]));

  expect(await update("up", "--yes")).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await update("refresh", "--yes", "--skip-preview")).toMatch(/Resources:\n {4}12 unchanged/);

  const changes = ["-c", "memory=512Mi", "-c", "color=red", "-c", "who=you"];
  const preview = await update("preview", "--diff", ...changes);
  expect(preview).toContain('~ memory: "256Mi" => "512Mi"');
  expect(preview).toContain('~ color: "green" => "red"');
  expect(preview).toMatch(/~ 3 to update\n {4}9 unchanged/);

  const changed = await update("up", "--yes", "--skip-preview", ...changes);
  expect(changed).toMatch(/~ 3 updated\n {4}9 unchanged/);
  expect(changed).toContain('"again you, after: hello world"');

  const recorded = readFileSync(join(state, "pulumi-backend/.pulumi/stacks/plugins/dev.json"), "utf8");
  for (const each of [up, preview, changed, recorded]) {
    expect(each).not.toContain(password);
    expect(each).not.toContain(Buffer.from(password).toString("base64"));
  }

  expect(await update("destroy", "--yes", "--skip-preview")).toContain("- 12 deleted");
  expect(await names("/api/v1/namespaces")).not.toContain("demo");
  expect(await names("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")).toEqual([]);
}, 120_000);
