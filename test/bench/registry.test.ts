import { describe, expect, it } from "vitest";
import { type Collected, overRegistryBar, registryRows } from "../../bench/registry";

const few: Collected = { before: 20, after: 16, kept: 31, seconds: { collection: 4, freeing: 0.5, next: 2 } };
const many: Collected = { before: 500, after: 24, kept: 31, seconds: { collection: 400, freeing: 5, next: 2 } };

describe("registryRows", () => {
  it("has what few and many take, and how many times as much many take", () => {
    expect(registryRows(few, many)).toEqual([
      ["size before, in MiB", "20.0", "500.0", "25.00"],
      ["size after collection, in MiB", "16.0", "24.0", "1.50"],
      ["versions kept", "31.0", "31.0", "1.00"],
      ["seconds of the collection", "4.0", "400.0", "100.00"],
      ["seconds in which the registry frees the space", "0.5", "5.0", "10.00"],
      ["seconds of the next collection", "2.0", "2.0", "1.00"],
    ]);
  });

  it("refuses to compare where not as many versions are kept", () => {
    expect(() => registryRows({ ...few, kept: 10 }, many)).toThrow("10 versions are kept of few, and 31 of many");
  });
});

describe("overRegistryBar", () => {
  it("names the size after collection alone, where it is more than one and a half times as large with many", () => {
    expect(overRegistryBar(registryRows(few, many))).toEqual([]);
    expect(overRegistryBar(registryRows(few, { ...many, after: 24.2 }))).toEqual(["size after collection, in MiB"]);
  });
});
