import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PromotionPipeline } from "../../components/pipeline/promotion-pipeline";
import { Schedules } from "../../components/pipeline/schedules";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import { runProgram } from "../program";
import { childrenOf, one, type Registration, record } from "../registrations";
import { referenceStacks, runnableStack, settingsWith } from "../stack-files";

const folder = join(__dirname, "..", "..", "workflows");

const notifications = { team: { secret: "team-webhook" } };
const dataDrift = { bar: 0.1, minimumAnswers: 100, cooldownHours: 1 };

async function schedules(cron: object = {}) {
  const { registrations } = await record({}, () => {
    const formerParent = new PromotionPipeline("pipeline", {
      settings: settingsWith().pipeline,
      images: { app: "r/app@1", train: "r/train@2", tools: "r/tools@3" },
      promotionPath: { staging: { port: 8081 } },
      hasGateway: false,
      sourceCommit: "",
      namespace: "argo",
      folder,
    });
    new Schedules("schedules", {
      settings: { ...settingsWith({ pipeline: { cron, notifications } }).pipeline, dataDrift },
      hasGateway: true,
      namespace: "argo",
      folder,
      formerParent,
    });
  });
  return { registrations, inputs: (name: string) => one(registrations, name).inputs };
}

/** Names of everything that a resource waits for: what it and its parents depend on, and so on. */
function waitsFor(registrations: Registration[], name: string, found = new Set<string>()): Set<string> {
  // The objects of a release have the names of its manifest, where several kinds may share one.
  for (const { dependencies, parent } of registrations.filter((registration) => registration.name === name))
    for (const next of [...dependencies, ...(parent ? [parent] : [])])
      if (!found.has(next)) waitsFor(registrations, next, found.add(next));
  return found;
}

describe("Schedules", () => {
  it("is every CronWorkflow, which the pipeline held before", async () => {
    const { registrations } = await schedules();
    expect(childrenOf(registrations, "schedules")).toEqual([
      "CronWorkflow pipeline-cron-collect-old-versions",
      "CronWorkflow pipeline-cron-notify",
      "CronWorkflow pipeline-cron-restore-releases",
      "CronWorkflow pipeline-cron-revert-staging",
      "CronWorkflow pipeline-cron-shift-traffic",
      "CronWorkflow pipeline-cron-train",
      "CronWorkflow pipeline-cron-watch-data-drift",
    ]);
    expect(one(registrations, "pipeline-cron-train").formerParents).toEqual(["pipeline"]);
  });

  it("trains on the stack's schedule, and leaves the rest of the CronWorkflow to its file", async () => {
    const file = readWorkflows(folder).find(({ metadata }) => metadata.name === "cron-train")!;
    const { inputs } = await schedules({ schedule: "30 4 * * 1-5", timezone: "Europe/Berlin", suspended: false });
    expect(inputs("pipeline-cron-train").spec).toEqual({
      ...file.spec,
      schedules: ["30 4 * * 1-5"],
      timezone: "Europe/Berlin",
      suspend: false,
    });
    expect((await schedules()).inputs("pipeline-cron-train").spec).toMatchObject({
      schedules: ["0 2 * * *"],
      timezone: "UTC",
      suspend: true,
      concurrencyPolicy: "Forbid",
    });
  });
});

describe("a schedule in a stack", () => {
  const platforms = referenceStacks.filter((stack) => !("gourmetgram:platform" in runnableStack(stack)));

  it.each(platforms)("of %s is created when all that its Workflow needs is there", async (stack) => {
    const { registrations } = await runProgram(runnableStack(stack), stack);
    const crons = registrations.filter(({ type }) => type.endsWith(":CronWorkflow"));
    expect(crons).toHaveLength("gourmetgram:gateway" in runnableStack(stack) ? 6 : 5);
    const later = [...crons.map(({ name }) => name), "schedules", "destroy-guard", "destroy-guard-refuse"];
    // Installed manifests arrive later, as Pulumi's own component hands them out; their namespaces are among these.
    const others = registrations.filter(
      ({ name, custom, type }) => custom && !type.startsWith("pulumi:providers") && !later.includes(name),
    );
    expect(others.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "staging-release-binding",
        "staging-look-binding",
        "staging-application",
        "pipeline-revert-staging",
        "pipeline-revert-staging-binding",
        "pipeline-parameters",
        "pipeline-steps",
        "pipeline-admission-binding",
        "mlflow-deployment",
        "images-push",
      ]),
    );
    for (const { name } of crons) {
      const needed = waitsFor(registrations, name);
      expect(others.filter((other) => !needed.has(other.name)).map((other) => other.name)).toEqual([]);
      expect(needed.has(name)).toBe(false);
    }
  });

  it("of a platform waits for no environment of another stack, since that one waits for the platform", async () => {
    const { registrations } = await runProgram(runnableStack("platform"), "platform");
    expect(registrations.filter(({ type }) => type === "pulumi:pulumi:StackReference")).toEqual([]);
    for (const stack of ["canary", "production"]) {
      const { registrations: ofEnvironment } = await runProgram(runnableStack(stack), stack);
      expect(ofEnvironment.filter(({ type }) => type.endsWith(":CronWorkflow"))).toEqual([]);
    }
  });
});
