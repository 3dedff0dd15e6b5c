import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { safePlan, type UpdateOptions } from "../../cli/safe-plan";
import type { StackFile } from "../../config";
import { imageKeys, isBuiltImage } from "../../images/catalogue";
import { repositoryRoot } from "../../lib/paths";
import { recordedResources, resume } from "../../stacks/local-stack";
import type { Recorded } from "../../stacks/state";
import { type Answers, kubeconfig, withApiServer } from "./api-server";

const recording = join(__dirname, "recorded", "preview-changes.jsonl");
const loss = "PersistentVolumeClaim gourmetgram-platform/mlflow-data is replaced: its data is lost";
const claim = "/api/v1/namespaces/gourmetgram-platform/persistentvolumeclaims/mlflow-data";
const volume = {
  urn: "urn:pulumi:staging::gourmetgram::kubernetes:core/v1:PersistentVolumeClaim::mlflow-data",
  type: "kubernetes:core/v1:PersistentVolumeClaim",
  provider: "urn:pulumi:staging::gourmetgram::pulumi:providers:kubernetes::cluster::id",
  inputs: { metadata: { namespace: "gourmetgram-platform", name: "mlflow-data" } },
};

const configMap: Recorded = { type: "kubernetes:core/v1:ConfigMap", inputs: { metadata: { name: "rules" } } };
/** The creation of production's Application, as a preview has it. */
const created = {
  resourcePreEvent: {
    metadata: {
      op: "create",
      urn: "urn:pulumi:staging::gourmetgram::kubernetes:argoproj.io/v1alpha1:Application::production-application",
      type: "kubernetes:argoproj.io/v1alpha1:Application",
      old: null,
      new: {
        custom: true,
        parent: "urn:pulumi:staging::gourmetgram::gourmetgram:release:Environment::production",
        inputs: {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Application",
          metadata: {
            name: "gourmetgram-production",
            namespace: "argocd",
            annotations: { "gourmetgram.io/base-image": "registry/gourmetgram-app@sha256:b" },
          },
          spec: { project: "gourmetgram", destination: { server: "here" }, source: { repoURL: "oci://it", path: "." } },
        },
      },
      detailedDiff: null,
    },
  },
};
const summary = { summaryEvent: { resourceChanges: { create: 1 } } };

let state: string;
/** What the CLI prints as its preview. */
let previewed: string;
/** The local tools' state with the stack `staging`, and a Pulumi CLI that prints a recorded preview. */
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "safe-plan-"));
  vi.stubEnv("GOURMETGRAM_STATE", state);
  vi.stubEnv("GOURMETGRAM_CACHE", join(state, "cache"));
  const stacks = join(state, "pulumi-backend", ".pulumi", "stacks", "gourmetgram");
  for (const folder of [stacks, join(state, "cache", "bin")]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(stacks, "staging.json"), JSON.stringify({ checkpoint: { latest: { resources: [volume] } } }));
  const image = { repository: "registry/image", tag: "v1", digest: `sha256:${"a".repeat(64)}` };
  const keys = imageKeys.filter((key) => !isBuiltImage(key));
  writeFileSync(join(state, "images.json"), JSON.stringify(Object.fromEntries(keys.map((key) => [key, image]))));
  previewed = join(state, "recording");
  copyFileSync(recording, previewed);
  const script = [
    "#!/bin/sh",
    `echo "$*" >> ${state}/said`,
    'while [ $# -gt 0 ]; do [ "$1" = --event-log ] && log=$2; [ "$1" = --config-file ] && config=$2; shift; done',
    `[ -n "$config" ] && cp "$config" ${state}/previewed`,
    `[ -n "$log" ] && echo "as Pulumi prints it" && cp ${previewed} "$log" || cat ${previewed}`,
  ];
  writeFileSync(join(state, "cache", "bin", "pulumi"), `${script.join("\n")}\n`, { mode: 0o755 });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true });
});

/** What was asked of Pulumi, one command each. */
const said = () =>
  existsSync(join(state, "said")) ? readFileSync(join(state, "said"), "utf8").trim().split("\n") : [];

async function plan(
  options: Partial<UpdateOptions>,
  { resources = recordedResources("staging"), answers = {}, ...more }: Partial<PlanInputs> = {},
) {
  return withApiServer({ [`GET ${claim}`]: {}, ...withoutArgoCd, ...answers }, async (_cluster, _calls, url) => {
    writeFileSync(join(state, "kubeconfig"), kubeconfig(url).replaceAll("food", "gourmetgram-local"));
    const all = { refresh: false, allowDataLoss: false, ...options };
    return safePlan("staging", await resume("staging"), resources, all, more.say ?? (() => {}), more.settings);
  });
}

const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const withoutArgoCd: Answers = {
  "GET /api/v1/namespaces/argocd": [404, { message: "not found" }],
  [`GET ${applications}`]: [404, { message: "not found" }],
};

interface PlanInputs {
  readonly resources: Recorded[];
  readonly answers: Answers;
  readonly say: (line: string) => void;
  readonly settings: StackFile;
}

describe("an update by npm start", () => {
  it("is refused by its preview, if it loses data, and nothing but the preview has run", async () => {
    await expect(plan({})).rejects.toThrow(`This update of staging loses data, so nothing was changed:\n  ${loss}\n`);
    expect(said()).toEqual([expect.stringMatching(/^preview --stack staging /)]);
  });

  it("is made where a person allows the loss", async () => {
    expect(await plan({ allowDataLoss: true })).toMatchObject({ refresh: false, replace: [] });
    expect(said()).toEqual([]);
  });

  it("is previewed as it is made, with a refresh too", async () => {
    await expect(plan({ refresh: true })).rejects.toThrow("loses data");
    expect(said()).toEqual([expect.stringContaining(" --refresh")]);
    expect(await plan({ refresh: true, allowDataLoss: true })).toMatchObject({
      refresh: true,
      env: { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" },
    });
  });

  it("is previewed with the settings that it is made with, and not with those of the last start", async () => {
    const settings = { config: { "gourmetgram:exposure": { host: "192.0.2.7" } } };
    await expect(plan({}, { settings })).rejects.toThrow("loses data");
    expect(readFileSync(join(state, "previewed"), "utf8")).toContain("host: 192.0.2.7");
  });

  it("is previewed once the Applications are there again that somebody deleted", async () => {
    const digest = `sha256:${"5".repeat(64)}`;
    const image = `registry/gourmetgram-app@${digest}`;
    const application: Recorded = {
      type: "kubernetes:argoproj.io/v1alpha1:Application",
      inputs: {
        metadata: { name: "gourmetgram-canary", annotations: { "gourmetgram.io/base-image": "registry/app@sha256:b" } },
        spec: { destination: {} },
      },
    };
    const answers: Answers = {
      "GET /api/v1/namespaces/argocd": {},
      [`GET ${applications}`]: { items: [] },
      [`GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`]: [503, ""],
      "GET /apis/apps/v1/namespaces/gourmetgram-canary/deployments/gourmetgram-canary": {
        spec: { template: { spec: { containers: [{ name: "app", image }] } } },
      },
      [`PATCH ${applications}/gourmetgram-canary?fieldManager=promotion-pipeline`]: {},
      [`PATCH ${applications}/gourmetgram-canary?fieldManager=kubectl-put-back`]: {},
    };
    const heard: string[] = [];
    const say = (line: string) => heard.push(`${line} (${said().length} previews)`);
    await expect(plan({}, { resources: [volume, application], answers, say })).rejects.toThrow("loses data");
    expect(heard).toEqual([
      "! The Application gourmetgram-canary is gone from the cluster: it is made again with sha256:555555555555, " +
        "which runs there. (0 previews)",
    ]);
  });

  it("of a new stack needs no preview on a cluster without Argo CD: there is nothing to lose", async () => {
    expect(await plan({}, { resources: [] })).toMatchObject({ refresh: false });
    expect(said()).toEqual([]);
  });

  it.each([
    ["a new stack", { resources: [] }, {}],
    ["a stack whose loss of data a person allows", {}, { allowDataLoss: true }],
    ["a stack that is there", { resources: [configMap] }, {}],
  ])("of %s leaves no environment with the base image where another release runs", async (_title, more, options) => {
    writeFileSync(previewed, [created, summary].map((event) => `${JSON.stringify(event)}\n`).join(""));
    const name = "gourmetgram-production";
    const image = `registry/gourmetgram-app@sha256:${"5".repeat(64)}`;
    const answers: Answers = {
      "GET /api/v1/namespaces/argocd": {},
      [`GET ${applications}`]: { items: [] },
      [`GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`]: [503, ""],
      [`GET /apis/apps/v1/namespaces/${name}/deployments/${name}`]: {
        spec: { template: { spec: { containers: [{ name: "app", image }] } } },
      },
      [`PATCH ${applications}/${name}?fieldManager=promotion-pipeline`]: {},
      [`PATCH ${applications}/${name}?fieldManager=kubectl-put-back`]: {},
    };
    const heard: string[] = [];
    await plan(options, { answers, say: (line) => heard.push(line), ...more });
    expect(heard).toEqual([
      `! The Application ${name} is not in the cluster: it is made with sha256:555555555555, which runs there.`,
    ]);
    expect(said()).toHaveLength(1);
  });
});

describe("a command that shows an update that loses data", () => {
  const line =
    `DATA LOSS: ${loss}. ` +
    "npm start, npm run preview and npm run policy refuse this update without -- --allow-data-loss.";
  const run = (command: string, ...given: string[]) =>
    spawnSync(process.execPath, ["--require", "tsx/cjs", join("cli", `${command}.ts`), ...given], {
      cwd: repositoryRoot,
      encoding: "utf8",
    });

  it("ends with code 1 after Pulumi's own output, or with 0 where a person allows it (npm run policy)", () => {
    const stdout = `as Pulumi prints it\n\n${line}\n`;
    expect(run("policy", "--diff")).toMatchObject({ stdout, status: 1 });
    expect(run("policy", "--allow-data-loss")).toMatchObject({ stdout, status: 0 });
    // The flag is this project's own, and Pulumi does not know it.
    expect(said().map((command) => / --(diff|allow-data-loss)/.exec(command)?.[1])).toEqual(["diff", undefined]);
  }, 60_000);

  it("names it in its first line (npm run preview)", () => {
    const { stdout, status } = run("preview");
    expect([stdout.split("\n")[0], status]).toEqual([line, 1]);
  }, 30_000);

  it("names the mistakes of a local stack's settings before Pulumi runs (npm run preview)", () => {
    writeFileSync(join(state, "images.json"), "{}");
    expect(run("preview")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /^The stack's configuration has \d+ mistakes:\n {2}gourmetgram:images\.overrides\./,
      ),
    });
    expect(said()).toEqual([]);
  }, 30_000);

  it("knows no flag that allows it where nothing can be lost (npm run drift)", () => {
    expect(run("drift", "--allow-data-loss")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Unknown option '--allow-data-loss'"),
    });
  }, 30_000);
});
