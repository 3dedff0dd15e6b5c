import { describe, expect, it } from "vitest";
import { loadRows } from "../../bench/app";

const before = { seconds: 10, ok: Array.from({ length: 100 }, (_, which) => 10 * (which + 1)), busy: 0, lost: 3 };

describe("loadRows", () => {
  it("has the answers of both ways in a second, the median, the 95th percentile, and how many times the first", () => {
    const today = { seconds: 5, ok: Array.from({ length: 100 }, (_, which) => 5 * (which + 1)), busy: 40, lost: 0 };
    expect(loadRows("120", before, today)).toEqual([
      ["120", "before", "10.0", "500", "950", "100", "0", "3"],
      ["120", "today", "20.0", "250", "475", "100", "40", "0"],
      ["120", "times", "2.00", "0.50", "0.50", "", "", ""],
    ]);
  });

  it("has a dash for what nothing answered", () => {
    const silent = { seconds: 10, ok: [], busy: 0, lost: 10 };
    expect(loadRows("10", before, silent)).toEqual([
      ["10", "before", "10.0", "500", "950", "100", "0", "3"],
      ["10", "today", "0.0", "-", "-", "0", "0", "10"],
      ["10", "times", "0.00", "-", "-", "", "", ""],
    ]);
  });
});
