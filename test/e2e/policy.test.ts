/** The policy pack under the real Pulumi CLI, without a cluster. */
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { type PulumiError, pulumi } from "../../stacks/local-pulumi";
import { linkCachedPlugins } from "../../stacks/plugins";
import { installPolicyPack } from "../../stacks/policy-pack";

let state: string;
let project: string;
let pack: string;
const before = process.env.GOURMETGRAM_STATE;

beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), "gourmetgram-state-"));
  process.env.GOURMETGRAM_STATE = state;
  project = join(state, "program"); // A copy, as the CLI writes beside the program.
  cpSync(join(__dirname, "policy-program"), project, { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules"), join(project, "node_modules"));
  linkCachedPlugins();
  pack = installPolicyPack();
  await run("stack", "init", "dev");
});

afterAll(() => {
  if (before === undefined) delete process.env.GOURMETGRAM_STATE;
  else process.env.GOURMETGRAM_STATE = before;
  if (state) rmSync(state, { recursive: true, force: true });
});

/** Runs the CLI: its exit code and all that it printed. */
async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const lines: string[] = [];
  const code = await pulumi(args, { cwd: project, onLine: (line) => lines.push(line) }).then(
    () => 0,
    (error: PulumiError) => error.code,
  );
  return { code, output: lines.join("\n") };
}

const runWithPolicies = (command: string, ...args: string[]) =>
  run(command, "--policy-pack", pack, "--color", "never", ...args);

it("fails a preview with a sentence for each violation, and shows no secret", async () => {
  const { code, output } = await runWithPolicies("preview", "-c", "standard=baseline", "-c", "key=password");
  for (const message of [
    "Namespace kitchen enforces the standard baseline: write the label pod-security.kubernetes.io/enforce: restricted",
    "Secret repository contains password: create a Secret with it outside of the program, and refer to that",
    "Deployment stove gives its container stove no memory limit: write resources.limits.memory",
    "Deployment app in ConfigMap staging-bundle gives its container app a memory limit of 512Mi: " +
      "write 256Mi, or name staging with 512Mi in policy/exceptions.json",
  ])
    expect(output).toContain(message);
  expect(output.match(/\[mandatory\]/g)).toHaveLength(4);
  expect(output).not.toContain("secret value");
  expect(code).toBe(1);
});

it("says what it can't judge, and forbids nothing of it", async () => {
  const config = ["-c", "standard=restricted", "-c", "unjudged=true"];
  const { output } = await runWithPolicies("preview", ...config);
  const review = "Review it yourself, or declare its objects in the program";
  expect(output).toContain(`Release shop is not checked: Helm renders its objects in the cluster. ${review}`);
  expect(output).toContain(`ConfigFile files is not checked: it lists no objects yet. ${review}`);
  expect(output).toMatch(/\[advisory\] {2}not-checked /);
});

it("lets a program through that keeps to the policies, and says what it can't know before the update", async () => {
  const exceptions = join(state, "exceptions.json");
  writeFileSync(exceptions, JSON.stringify({ "memory-limits": { exceptions: { staging: "512Mi" } } }));
  const kept = [
    "--policy-pack-config",
    exceptions,
    "-c",
    "unjudged=false",
    "-c",
    "standard=restricted",
    "-c",
    "key=url",
    "-c",
    "memory=1Gi",
  ];
  const preview = await runWithPolicies("preview", ...kept);
  expect(preview.output).toContain(
    "string value at .spec.template.spec.containers.0.image can't be known during preview",
  );
  expect(preview.output.match(/\[advisory\] {2}\S+/g)).toEqual(["[advisory]  image-digests"]);
  expect(preview.output).not.toContain("[mandatory]");
  expect(preview.code).toBe(0);

  const up = await runWithPolicies("up", "--yes", "--skip-preview", ...kept);
  expect(up.output).toContain("✅ gourmetgram@v0.1.0");
  expect(up.code).toBe(0);
});
