import { describe, expect, it } from "vitest";
import { splitPreview } from "../../bench/preview-split";
import { withEnvironments } from "../../bench/previews";
import { parseSettings, parseStack, settingsOf } from "../../config";
import { runnableStack, withoutProject } from "../stack-files";

type Attributes = Record<string, string>;
const listed = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** One line of a trace: spans of one service, from and to in seconds. */
function batch(service: string, spans: [name: string, from: number, to: number, attributes?: Attributes][]): string {
  const nanoseconds = (seconds: number) => `${1_000 + seconds}000000000`;
  const all = spans.map(([name, from, to, attributes = {}]) => ({
    name,
    startTimeUnixNano: nanoseconds(from),
    endTimeUnixNano: nanoseconds(to),
    attributes: listed(attributes),
  }));
  const resource = { attributes: listed({ "service.name": service }) };
  return `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: all }] }] })}\n`;
}

const whole = batch("pulumi-cli", [["pulumi", 0, 100]]);
const program = batch("pulumi-cli", [
  ["pulumirpc.ResourceMonitor/RegisterResource", 30, 31],
  ["pulumirpc.ResourceMonitor/RegisterResource", 12, 13],
  ["pulumirpc.LanguageRuntime/Run", 10, 90],
]);

describe("splitPreview", () => {
  it("counts the program until its first resource after the stack, and what no provider takes as the engine's", () => {
    expect(splitPreview(whole + program)).toEqual({ total: 100, program: 20, provider: 0, engine: 80 });
  });

  it("counts each second with a call to a provider once, and none while the program starts", () => {
    const calls = batch("pulumi-cli", [
      ["pulumirpc.ResourceProvider/Check", 40, 50],
      ["pulumirpc.ResourceProvider/Diff", 45, 55],
      ["pulumirpc.ResourceProvider/Diff", 46, 48],
      ["pulumirpc.ResourceProvider/Configure", 5, 35],
      ["pulumirpc.ResourceProvider/GetSchema", 15, 25],
    ]);
    expect(splitPreview(whole + program + calls)).toEqual({ total: 100, program: 20, provider: 25, engine: 55 });
  });

  it("counts a provider's start, but not the language host's", () => {
    const starts = batch("pulumi-cli", [
      ["newPlugin", 40, 44, { kind: "resource" }],
      ["newPlugin", 50, 57, { kind: "language" }],
    ]);
    expect(splitPreview(whole + program + starts)).toMatchObject({ provider: 4 });
  });

  it("leaves out what plugins trace of the same calls", () => {
    expect(
      splitPreview(whole + program + batch("pulumi-language-host", [["pulumirpc.ResourceProvider/Check", 40, 50]])),
    ).toMatchObject({ provider: 0 });
  });

  it("says what to do where the program registered nothing", () => {
    expect(() => splitPreview(whole)).toThrow(
      "the preview's trace shows no program that registers a resource: run `npm run preview` and fix what it reports",
    );
  });
});

describe("withEnvironments", () => {
  const config = runnableStack("staging");
  const file = parseStack(JSON.stringify({ config }), "Pulumi.staging.yaml");
  const names = (count: number) => Object.keys(settingsOf(withEnvironments(file, count)).environments as object);

  it("adds environments at the end of the promotion path", () => {
    expect(names(5)).toEqual(["staging", "canary", "production", "bench-4", "bench-5"]);
  });

  it("leaves the stack's own where it has as many", () => {
    expect(withEnvironments(file, 3)).toEqual(file);
  });

  it("takes the first of the promotion path where it has more", () => {
    expect(names(2)).toEqual(["staging", "canary"]);
  });

  it("gives settings that the program takes", () => {
    const settings = parseSettings(withoutProject(withEnvironments(file, 30).config!));
    expect(Object.keys(settings.environments)).toHaveLength(30);
  });
});
