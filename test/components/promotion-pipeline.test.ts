import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allowedChildTemplates, PromotionPipeline } from "../../components/pipeline/promotion-pipeline";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import type { PipelineSettings } from "../../config";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const folder = join(__dirname, "..", "..", "workflows");
const templates = [
  "build-container-image",
  "collect-old-versions",
  "deploy-container-image",
  "notify",
  "promote-model",
  "restore-releases",
  "revert-staging",
  "shift-traffic",
  "test-staging",
  "train-model",
  "watch-data-drift",
];

/** A workflow as its file and the defaults state it. */
const fileOf = (name: string) => readWorkflows(folder).find(({ metadata }) => metadata.name === name)!;

async function pipeline(
  section: object = {},
  environments = ["staging", "canary"],
  dataDrift?: PipelineSettings["dataDrift"],
) {
  const { registrations, result } = await record({}, () => {
    const { templates } = new PromotionPipeline("pipeline", {
      settings: { ...settingsWith({ pipeline: section }).pipeline, dataDrift },
      images: { app: "r/app@1", train: "r/train@2", tools: "r/tools@3", board: "r/board@4" },
      promotionPath: Object.fromEntries(environments.map((name, index) => [name, { port: 8080 + index }])),
      hasGateway: false,
      sourceCommit: "",
      namespace: "argo",
      folder,
    });
    return { templates };
  });
  return { registrations, result, inputs: (name: string) => one(registrations, name).inputs };
}

describe("PromotionPipeline", () => {
  it("is every template, the scripts, the parameters, and an account for each template", async () => {
    const { registrations, result } = await pipeline();
    expect(result.templates).toEqual(templates);
    expect(childrenOf(registrations, "pipeline")).toEqual(
      [
        "ConfigMap pipeline-data-drift",
        "ConfigMap pipeline-freeze",
        "ConfigMap pipeline-gates",
        "ConfigMap pipeline-lib",
        "ConfigMap pipeline-notifications",
        "ConfigMap pipeline-parameters",
        "ConfigMap pipeline-pictures",
        "ConfigMap pipeline-steps",
        "Approvals pipeline-approvals",
        "SigningKeys pipeline-signing-keys",
        "WorkflowAdmission pipeline-admission",
        ...templates.flatMap((name) => [
          `Role pipeline-${name}-role`,
          `RoleBinding pipeline-${name}-binding`,
          `ServiceAccount pipeline-${name}-account`,
          `WorkflowTemplate pipeline-${name}`,
        ]),
      ].sort(),
    );
    // With the component itself, two resources of its admission, four of its approvals, and seven of its keys.
    expect(registrations).toHaveLength(25 + 4 * templates.length);
  });

  it("hands its settings to the templates as text", async () => {
    const section = {
      accuracyBar: 0.75,
      judgement: { margin: 0.05, classBar: 0.25, dryRun: true },
      epochs: 2,
      rolloutTimeoutSeconds: 60,
      minimumSoakMinutes: 90,
      retention: { days: 60, versions: 5 },
      load: { requests: 200, concurrency: 20, minSuccessPercent: 99.5, maxP95Ms: 500 },
    };
    expect((await pipeline(section)).inputs("pipeline-parameters")).toMatchObject({
      metadata: {
        name: "pipeline-parameters",
        namespace: "argo",
        labels: { "workflows.argoproj.io/configmap-type": "Parameter" },
      },
      data: {
        "train-image": "r/train@2",
        "tools-image": "r/tools@3",
        "board-image": "r/board@4",
        "app-base-image": "r/app@1",
        "accuracy-bar": "0.75",
        "judgement-margin": "0.05",
        "judgement-class-bar": "0.25",
        "judgement-dry-run": "true",
        epochs: "2",
        "rollout-timeout-seconds": "60",
        "minimum-soak-minutes": "90",
        "load-requests": "200",
        "load-concurrency": "20",
        "load-min-success-percent": "99.5",
        "load-max-p95-ms": "500",
        "retention-days": "60",
        "retention-versions": "5",
        "mlflow-uri": "http://mlflow.gourmetgram-platform.svc.cluster.local:8000",
        environments: JSON.stringify({
          staging: "http://gourmetgram-staging.gourmetgram-staging.svc.cluster.local:8080",
          canary: "http://gourmetgram-canary.gourmetgram-canary.svc.cluster.local:8081",
        }),
      },
    });
  });

  it.each(["steps", "gates", "lib"])("mounts every module of %s as it stands in its folder", async (room) => {
    const files = readdirSync(join(folder, room)).filter((file) => file.endsWith(".py"));
    expect((await pipeline()).inputs(`pipeline-${room}`).data).toEqual(
      Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, room, file), "utf8")])),
    );
  });

  it.each([
    [["staging", "canary"], ["staging"], ["canary"]],
    [
      ["staging", "canary", "production"],
      ["staging", "canary"],
      ["canary", "production"],
    ],
    [
      ["staging", "shadow", "canary", "production"],
      ["staging", "shadow", "canary"],
      ["shadow", "canary", "production"],
    ],
  ])(
    "promotes between the environments %j, by default the last promotion, and leaves the rest to the file",
    async (environments, sources, targets) => {
      const file = fileOf("promote-model");
      const { spec } = (await pipeline({}, environments)).inputs("pipeline-promote-model");
      expect(spec.arguments.parameters).toEqual([
        { name: "source-environment", enum: sources, value: sources.at(-1) },
        { name: "target-environment", enum: targets, value: targets.at(-1) },
        ...file.spec.arguments.parameters.slice(2),
      ]);
      expect({ ...spec, arguments: file.spec.arguments }).toEqual(file.spec);
    },
  );

  it("keeps the file's choice of promotions where the stack has none: Argo wants one", async () => {
    const file = fileOf("promote-model");
    expect((await pipeline({}, ["staging"])).inputs("pipeline-promote-model").spec).toEqual(file.spec);
  });
});

it("says how figures are judged in a stack without a gateway, too", async () => {
  const { traffic, analysis } = (await pipeline({})).inputs("pipeline-parameters").data;
  expect(traffic).toBe("");
  const ask = "import json; from lib import inputs; print(json.dumps(inputs.analysis().success))";
  const env = { ANALYSIS: analysis };
  const read = await exec(await python(), ["-c", ask], { cwd: join(repositoryRoot, "workflows"), env });
  expect(JSON.parse(read)).toEqual([95, false]);
});

it("says how data drift is watched for, at the end of the path, where a stack wants it", async () => {
  const told = async (dataDrift?: PipelineSettings["dataDrift"]) =>
    (await pipeline({}, ["staging", "canary", "production"], dataDrift)).inputs("pipeline-parameters").data[
      "data-drift"
    ];
  expect(await told()).toBe("");
  expect(JSON.parse(await told({ bar: 0.35, minimumAnswers: 100, cooldownHours: 2 }))).toEqual({
    environment: "production",
    bar: 0.35,
    minimumAnswers: 100,
    cooldownSeconds: 7200,
  });
});

describe("a promotion that people approve", () => {
  const section = {
    approval: {
      production: { users: ["anna", "ben"], minimum: 2, expiryHours: 48 },
      canary: { groups: ["instructors"], byRequester: true },
    },
    windows: { exams: { kind: "deny", environments: ["canary"], schedule: "0 0 2 2 *", minutes: 60 } },
  };
  const path = ["staging", "canary", "production"];

  it("asks them first, and has the time to wait", async () => {
    const { spec } = (await pipeline(section, path)).inputs("pipeline-promote-model");
    const file = fileOf("promote-model").spec;
    expect(spec.activeDeadlineSeconds).toBe(file.activeDeadlineSeconds + 48 * 3600);
    const [main, ...others] = spec.templates;
    expect(main.steps[0][0].when).toBe(
      "'{{inputs.parameters.target-environment}}' == 'canary' || " +
        "'{{inputs.parameters.target-environment}}' == 'production'",
    );
    expect({ ...main.steps[0][0], when: undefined }).toEqual({ ...file.templates[0].steps[0][0], when: undefined });
    expect(main.steps[1]).toEqual(file.templates[0].steps[1]);
    const [ask, ...rest] = others;
    expect([ask.activeDeadlineSeconds, ask.retryStrategy.backoff.maxDuration]).toEqual([173100, "173100s"]);
    expect(rest).toEqual(file.templates.slice(2));
  });

  it("is handed to the steps with how many they are and until when, and not who", async () => {
    const { data } = (await pipeline(section, path)).inputs("pipeline-parameters");
    expect(JSON.parse(data.approval)).toEqual({
      production: { minimum: 2, expirySeconds: 172800 },
      canary: { minimum: 1, expirySeconds: 86400 },
    });
    expect(JSON.parse(data.windows)).toEqual([
      {
        name: "exams",
        kind: "deny",
        environments: ["canary"],
        schedule: "0 0 2 2 *",
        minutes: 60,
        zone: "UTC",
        description: "",
      },
    ]);
  });

  it("is nobody's to approve but theirs, as the API server knows them", async () => {
    const { inputs } = await pipeline(section, path);
    const { variables } = inputs("pipeline-approvals-policy").spec;
    const expressionOf = (name: string) =>
      variables.find((variable: { name: string }) => variable.name === name).expression;
    expect(["users", "groups", "approvedByRequester"].map((name) => JSON.parse(expressionOf(name)))).toEqual([
      { production: ["anna", "ben"] },
      { canary: ["instructors"] },
      ["canary"],
    ]);
    expect(
      inputs("pipeline-approvals-people").subjects.map(({ kind, name }: { kind: string; name: string }) => [
        kind,
        name,
      ]),
    ).toEqual([
      ["User", "anna"],
      ["User", "ben"],
      ["Group", "instructors"],
    ]);
    expect(inputs("pipeline-approvals-role").rules).toEqual([
      { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: ["get", "list", "watch", "patch"] },
    ]);
    const admission = inputs("pipeline-admission-policy").spec.variables;
    expect(admission.find(({ name }: { name: string }) => name === "approvedEnvironments").expression).toBe(
      '["production","canary"]',
    );
  });
});

describe("each workflow", () => {
  const report = { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] };
  const look = { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get"] };
  const start = { ...look, verbs: ["create", "get", "list", "watch"] };
  const freeze = { apiGroups: [""], resources: ["configmaps"], resourceNames: ["promotion-freeze"], verbs: ["get"] };
  const approvals = { apiGroups: ["gourmetgram.io"], resources: ["approvals"] };

  it.each([
    ["build-container-image", [report, start]],
    ["collect-old-versions", [report, { ...look, verbs: ["get", "list"] }]],
    ["deploy-container-image", [report, look]],
    [
      "notify",
      [
        report,
        { ...look, verbs: ["list"] },
        freeze,
        { ...freeze, resourceNames: ["notifications"], verbs: ["get", "patch"] },
        { apiGroups: [""], resources: ["events"], verbs: ["create"] },
        { ...approvals, verbs: ["list"] },
      ],
    ],
    [
      "promote-model",
      [
        report,
        look,
        freeze,
        { ...approvals, verbs: ["create", "get", "list", "watch"] },
        { ...approvals, resources: ["approvals/status"], verbs: ["get", "patch"] },
      ],
    ],
    ["restore-releases", [report, look]],
    ["revert-staging", [report, look]],
    ["test-staging", [report, start]],
    ["train-model", [report, start]],
    ["watch-data-drift", [report, start, { ...freeze, resourceNames: ["data-drift"], verbs: ["get", "patch"] }]],
  ])("%s has an account of its own, and these rights alone", async (template, rules) => {
    const { inputs } = await pipeline();
    const metadata = { name: template, namespace: "argo" };
    expect(inputs(`pipeline-${template}`).spec.serviceAccountName).toBe(template);
    expect(inputs(`pipeline-${template}-account`).metadata).toEqual(metadata);
    expect(inputs(`pipeline-${template}-role`)).toEqual({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata,
      rules,
    });
    expect(inputs(`pipeline-${template}-binding`)).toMatchObject({
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: template },
      subjects: [{ kind: "ServiceAccount", name: template, namespace: "argo" }],
    });
  });

  it("never says what the watch for data drift has seen", async () => {
    expect((await pipeline()).inputs("pipeline-data-drift")).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "data-drift", namespace: "argo" },
    });
  });

  it.each([
    ["pipeline-freeze", "promotion-freeze", "the freeze of promotions"],
    ["pipeline-notifications", "notifications", "the notifications that a receiver has not got yet"],
  ])("never says what %s holds: that is for others to write", async (resource, name, holds) => {
    expect((await pipeline()).inputs(resource)).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "argo", annotations: { "gourmetgram.io/holds": holds } },
    });
  });

  it("starts others only where its steps do", () => {
    const starting = templates.filter((template) =>
      /steps\.(?:start_workflow|act_on_verdict|exit_handler|watch_data_drift)\b/.test(
        readFileSync(join(folder, `${template}.yaml`), "utf8"),
      ),
    );
    expect(starting).toEqual(Object.keys(allowedChildTemplates).sort());
  });

  it("reads only parameters that exist", async () => {
    const known = Object.keys((await pipeline()).inputs("pipeline-parameters").data);
    const read = templates.flatMap((template) => [
      ...readFileSync(join(folder, `${template}.yaml`), "utf8").matchAll(
        /name: pipeline-parameters, key: ([a-z0-9-]+)(, optional: true)?/g,
      ),
    ]);
    expect(read.length).toBeGreaterThan(10);
    expect(read.filter(([, key, optional]) => !optional && !known.includes(key)).map(([, key]) => key)).toEqual([]);
  });

  it("names no image", () => {
    const images = templates.flatMap((template) =>
      [...readFileSync(join(folder, `${template}.yaml`), "utf8").matchAll(/^\s*image:\s*(.*)$/gm)].map(
        ([, image]) => image,
      ),
    );
    expect(new Set(images)).toEqual(
      new Set(['"{{inputs.parameters.tools-image}}"', '"{{inputs.parameters.train-image}}"']),
    );
  });
});
