import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PromotionPipeline } from "../../components/pipeline/promotion-pipeline";
import { one, record } from "../registrations";
import { settingsWith } from "../stack-files";

/** The workflows with a fourth gate, by one module and one step. */
const folder = mkdtempSync(join(tmpdir(), "workflows-"));
cpSync(join(__dirname, "../../workflows"), folder, { recursive: true });
writeFileSync(join(folder, "gates", "latency.py"), "# a gate\n");
const file = join(folder, "test-staging.yaml");
const step = `        - - name: latency
            template: gate
            when: *undecided
            arguments:
              parameters:
                - { name: gate, value: latency }
`;
writeFileSync(
  file,
  readFileSync(file, "utf8").replace("        - - name: promote-on-success\n", (next) => step + next),
);
afterAll(() => rmSync(folder, { recursive: true }));

async function gatesOf(from: string) {
  const { registrations } = await record({}, () => {
    const { pipeline: settings } = settingsWith();
    const images = { app: "r/app@1", train: "r/train@2", tools: "r/tools@3" };
    const promotionPath = { staging: { port: 8081 }, canary: { port: 8080, promotesFrom: "staging" } };
    void new PromotionPipeline("pipeline", {
      settings,
      images,
      promotionPath,
      hasGateway: false,
      sourceCommit: "",
      namespace: "argo",
      folder: from,
    });
  });
  const { templates } = one(registrations, "pipeline-test-staging").inputs.spec;
  return {
    modules: one(registrations, "pipeline-gates").inputs.data,
    templates,
    steps: templates.find(({ name }: { name: string }) => name === "gates").steps,
  };
}

describe("a fourth gate", () => {
  it("is a step more of the Workflow that the program declares, and nothing else of it changes", async () => {
    const shipped = await gatesOf(join(__dirname, "../../workflows"));
    const { templates, steps, modules } = await gatesOf(folder);
    expect(steps.map(([{ name }]: [{ name: string }]) => name)).toEqual([
      "integration",
      "resource",
      "load",
      "latency",
      "promote-on-success",
    ]);
    expect(steps[3]).toEqual([
      { ...shipped.steps[2][0], name: "latency", arguments: { parameters: [{ name: "gate", value: "latency" }] } },
    ]);
    expect(steps.toSpliced(3, 1)).toEqual(shipped.steps);
    expect(templates.filter(({ name }: { name: string }) => name !== "gates")).toEqual(
      shipped.templates.filter(({ name }: { name: string }) => name !== "gates"),
    );
    expect(Object.keys(modules)).toEqual([...Object.keys(shipped.modules), "latency.py"].sort());
  });
});
