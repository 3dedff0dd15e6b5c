import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import { notificationFormats, notificationTriggers, schema } from "../../config/schema";
import { repositoryRoot } from "../../lib/paths";
import { settingsWith } from "../stack-files";

const read = (...path: string[]) => readFileSync(join(repositoryRoot, ...path), "utf8");
const sources = ["workflows/steps", "workflows/gates", "workflows/lib", "images/train"].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder))
    .filter((file) => file.endsWith(".py"))
    .map((file) => read(folder, file)),
);

interface Range {
  readonly low: number;
  readonly high: number;
}

/** The value of a number in Python: a literal, or a constant of the same file. */
function numberIn(text: string, python: string): number {
  const constant = new RegExp(`^${text} = (\\d+)\\b`, "m").exec(python);
  return Number(constant?.[1] ?? text);
}

/** The range of each number that a step reads from its environment, by the name of the variable. */
const stepRanges = new Map<string, Range[]>();
for (const python of sources)
  for (const [, name, low, high] of python.matchAll(
    /\bnumber\("([A-Z0-9_]+)",(?: (?:int|float), [^,]+,)? ([\w.]+), ([\w.]+)[,)]/g,
  )) {
    const range = { low: numberIn(low, python), high: numberIn(high, python) };
    stepRanges.set(name, [...(stepRanges.get(name) ?? []), range]);
  }

/** The variables that the workflows fill from a setting, with the key of `pipeline-parameters` that has it. */
const filled = new Map<string, string>(
  readWorkflows(join(repositoryRoot, "workflows"))
    .flatMap(({ spec }: any) => spec.templates ?? [])
    .flatMap(({ container }: any) => container?.env ?? [])
    .flatMap(({ name, valueFrom }: any) => (valueFrom?.configMapKeyRef ? [[name, valueFrom.configMapKeyRef.key]] : [])),
);

/** The setting that each key holds. */
const settings: Record<string, string> = {
  "accuracy-bar": "accuracyBar",
  epochs: "epochs",
  "judgement-class-bar": "judgement.classBar",
  "judgement-margin": "judgement.margin",
  "load-concurrency": "load.concurrency",
  "load-max-p95-ms": "load.maxP95Ms",
  "load-min-success-percent": "load.minSuccessPercent",
  "load-requests": "load.requests",
  "minimum-soak-minutes": "minimumSoakMinutes",
  "retention-days": "retention.days",
  "retention-versions": "retention.versions",
  "rollout-timeout-seconds": "rolloutTimeoutSeconds",
};

/** The range of a setting of `pipeline`, as the schema for editors has it. */
function settingRange(path: string): Range {
  const pipeline = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }).properties!.pipeline;
  const { minimum, maximum } = path.split(".").reduce((node: any, key) => node.properties[key], pipeline);
  return { low: minimum, high: maximum };
}

describe("a number that a stack sets", () => {
  const numbers = [...filled].filter(([name]) => stepRanges.has(name));

  it("is one of those that are compared, and each of those is read", () =>
    expect(numbers.map(([, key]) => key).sort()).toEqual(Object.keys(settings).sort()));

  it.each(numbers)("%s has the same range in the steps and in the configuration", (name, key) => {
    for (const range of stepRanges.get(name)!) expect(range).toEqual(settingRange(settings[key]));
  });
});

describe("the load gate", () => {
  const constant = (name: string, ...file: string[]) => numberIn(name, read(...file));
  const gates = readWorkflows(join(repositoryRoot, "workflows"))
    .find(({ metadata }) => metadata.name === "test-staging")!
    .spec.templates.find(({ name }: any) => name === "gates");
  const load = gates.steps.flat().find(({ name }: any) => name === "load");
  const deadline = Number(load.arguments.parameters.find(({ name }: any) => name === "seconds").value);
  /** Requests that may follow each other, a minute of the deadline being for all else. */
  const inTurn = Math.floor((deadline - 60) / constant("REQUEST_TIMEOUT", "workflows", "gates", "load.py"));
  const withLoad = (requests: number, concurrency: number) =>
    settingsWith({ pipeline: { load: { requests, concurrency } } });

  it("sends no more at once than the app takes", () =>
    expect(settingRange("load.concurrency").high).toBe(constant("WAITING_BAR", "images", "app", "model.py")));

  it.each([1, 10, 63, 64])("may send, %i at once, what ends within its deadline, and no more", (concurrency) => {
    const most = inTurn * concurrency;
    expect(withLoad(most, concurrency).pipeline.load.requests).toBe(most);
    expect(() => withLoad(most + concurrency, concurrency)).toThrow("gourmetgram:pipeline.load.requests: write ");
  });

  it("may send the most that the setting allows", () =>
    expect(settingRange("load.requests").high).toBe(inTurn * settingRange("load.concurrency").high));
});

it.each([
  ["TRIGGERS", notificationTriggers],
  ["FORMATS", notificationFormats],
])("%s of the notifications are the same on both sides", (constant, choices) => {
  const [, list] = new RegExp(`^${constant} = \\(([^)]*)\\)`, "m").exec(read("workflows/lib/inputs.py"))!;
  expect([...list.matchAll(/"([^"]+)"/g)].map(([, word]) => word)).toEqual(choices);
});
