import { createHash } from "node:crypto";
import type { Accuracy, GateView, ModelView } from "../../board/api";
import { scenarios } from "../../images/model";

/** Food-11, as the pictures are named. */
const classes = [
  "bread",
  "dairy",
  "dessert",
  "egg",
  "fried",
  "meat",
  "noodles",
  "rice",
  "seafood",
  "soup",
  "vegetable",
];

/** The same hash for the same text, so that two runs of a test see the same page. */
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export const digestOf = (version: string): string => `sha256:${hashOf(version)}`;

/** A share of 0 to 1 that only the text decides. */
const chance = (text: string): number => Number.parseInt(hashOf(text).slice(0, 8), 16) / 0xffffffff;

function accuracyOf(number: number): Accuracy {
  const byClass = Object.fromEntries(
    classes.map((name) => [name, Math.min(0.995, 0.86 + 0.13 * chance(`${number} ${name}`))]),
  );
  const shares = Object.values(byClass);
  return { overall: shares.reduce((sum, share) => sum + share, 0) / shares.length, byClass };
}

const failed: Readonly<Record<string, readonly [gate: string, reason: string]>> = {
  "bad-architecture": [
    "integration",
    `/test answers 500: {"error":"the model's output is tensor(float) [N, 1000], not tensor(float) [N, 11]"}`,
  ],
  oversized: ["resource", "OOMKilled: the model needs more than the memory limit of 256Mi (2 restarts)"],
  slow: ["load", "95 % of the requests took up to 7572.6 ms, it must be under 2000 ms"],
  flaky: ["load", "76 % of 100 requests succeeded, it must be over 95 %"],
};

const passed = (number: number): readonly GateView[] => [
  {
    gate: "integration",
    verdict: "pass",
    reason: `/test answers Soup, one of the 11 classes of Food-11, and /version 1.0.${number}`,
    figures: {},
  },
  {
    gate: "resource",
    verdict: "pass",
    reason: "1 of 1 pod is ready, with 0 restarts (bar: 0) under the memory limit of 256Mi",
    figures: { memory_mib: 110 + Math.round(20 * chance(`memory ${number}`)), restarts: 0 },
  },
  {
    gate: "load",
    verdict: "pass",
    reason: "100 % of 100 requests succeeded (bar: over 95 %), 95 % within 412.3 ms (bar: under 2000 ms)",
    figures: { success_percent: 100, p95_ms: 380 + Math.round(600 * chance(`load ${number}`)) / 10 },
  },
];

function gatesOf(number: number, scenario: string): readonly GateView[] {
  const [gate, reason] = failed[scenario] ?? [];
  if (!gate) return passed(number);
  const gates = passed(number);
  const at = gates.findIndex((one) => one.gate === gate);
  return gates.map((one, index) => {
    if (index < at) return one;
    return index === at
      ? { ...one, verdict: "fail", reason: reason ?? "", figures: {} }
      : { ...one, verdict: "skipped", reason: "a gate before it failed", figures: {} };
  });
}

const hours = 3_600_000;

/** Versions 1.0.1 to 1.0.`count`, newest first. @param now in milliseconds since 1970 */
export function modelsUntil(count: number, now: number, aliases: Readonly<Record<number, readonly string[]>> = {}) {
  return Array.from({ length: count }, (_, index): ModelView => {
    const number = count - index;
    // Two of three trainings make a usual model; the others each fail in their way.
    const scenario = number % 3 === 2 ? scenarios[1 + (number % 4)] : "normal";
    const gates = gatesOf(number, scenario);
    const failure = gates.find(({ verdict }) => verdict === "fail");
    const version = `1.0.${number}`;
    return {
      version,
      number,
      registeredAt: new Date(now - (index * 5.5 + 1) * hours).toISOString(),
      scenario,
      dataSha256: hashOf(`data ${Math.floor(number / 4)}`),
      digest: digestOf(version),
      aliases: aliases[number] ?? [],
      accuracy: accuracyOf(number),
      production: number > 2 ? { ...accuracyOf(number - 2), version: `1.0.${number - 2}` } : null,
      gates,
      verdict: failure ? "fail" : "pass",
      reason: failure ? `${failure.gate}: ${failure.reason}` : "",
      disagreement: !failure && number % 2 === 0 ? "disagrees with production on 3 of 412 pictures (0.7 %)" : null,
      records: 0,
      collected: number < count - 40 ? new Date(now - index * hours).toISOString() : null,
    };
  });
}
