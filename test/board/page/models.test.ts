import { describe, expect, it } from "vitest";
import type { ModelView } from "../../../board/api";
import {
  againstProduction,
  compareAccuracy,
  compareFacts,
  figure,
  mergeModels,
  percent,
  points,
  shortDisagreement,
} from "../../../board/page/state/models";
import { modelsUntil } from "../models";

const [newest, second] = modelsUntil(2, Date.parse("2026-11-27T10:00:00Z"));

describe("the accuracy of two versions", () => {
  it("is compared overall first, then by class, the greatest loss first", () => {
    const left = { overall: 0.9, byClass: { soup: 0.8, egg: 0.95, rice: 0.9 } };
    const right = { overall: 0.88, byClass: { soup: 0.9, egg: 0.9, rice: 0.91 } };
    const rows = compareAccuracy(left, right);
    expect(rows.map(({ name, difference }) => `${name} ${points(difference ?? 0)}`)).toEqual([
      "overall +2.0",
      "soup −10.0",
      "rice −1.0",
      "egg +5.0",
    ]);
  });

  it("stays open for a class that only one of them knows, and for a version that was never measured", () => {
    const left = { overall: 0.9, byClass: { soup: 0.8 } };
    expect(compareAccuracy(left, { overall: 0.9, byClass: { egg: 0.7 } }).slice(1)).toEqual([
      { name: "egg", left: null, right: 0.7, difference: null },
      { name: "soup", left: 0.8, right: null, difference: null },
    ]);
    expect(compareAccuracy(null, null)).toEqual([{ name: "overall", left: null, right: null, difference: null }]);
  });

  it("is compared with production's only where both are known", () => {
    const model = { accuracy: { overall: 0.9 }, production: { overall: 0.8, version: "1.0.1" } } as ModelView;
    expect(points(againstProduction(model)!)).toBe("+10.0");
    expect(againstProduction({ ...model, production: null })).toBeNull();
  });
});

it("numbers are short, and a dash where there is none", () => {
  expect([percent(0.9614), percent(null), percent(0)]).toEqual(["96.1 %", "–", "0.0 %"]);
  expect([points(0.0001), points(-0.0001), points(-0.104)]).toEqual(["±0.0", "±0.0", "−10.4"]);
  expect([figure(412.345), figure(undefined), figure(0)]).toEqual(["412.35", "–", "0"]);
});

it("a disagreement is short under its head, whatever its words are", () => {
  const sentences = ["disagrees with production on 3 of 412 pictures (0.7 %)", "agrees", null];
  expect(sentences.map(shortDisagreement)).toEqual(["on 3 of 412 pictures (0.7 %)", "agrees", "–"]);
});

describe("what else differs", () => {
  it("is what they were made of, and each figure of the gates", () => {
    const right = {
      ...second,
      scenario: "normal",
      dataSha256: newest.dataSha256,
      gates: [{ gate: "load", verdict: "pass", reason: "", figures: { p95_ms: 7 } }],
    };
    const left = { ...newest, gates: [{ gate: "load", verdict: "pass", reason: "", figures: { p95_ms: 5 } }] };
    const facts = compareFacts(left, right);
    expect(facts.map(({ name, isSame }) => [name, isSame])).toEqual([
      ["scenario", false],
      ["data", true],
      ["image", false],
      ["verdict", left.verdict === right.verdict],
      ["load.p95_ms", false],
    ]);
    expect(facts.at(-1)).toMatchObject({ left: "5", right: "7" });
  });
});

it("pages become one list, newest first, each version once, and the newest answer counts", () => {
  const judged = { ...newest, reason: "now judged" };
  expect(mergeModels([newest, second], [judged])).toEqual([judged, second]);
  expect(mergeModels([second], [newest]).map(({ number }) => number)).toEqual([2, 1]);
});
