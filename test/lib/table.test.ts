import { describe, expect, it } from "vitest";
import { table } from "../../lib/table";

const head = ["ENVIRONMENT", "OUTCOME", "REASON"];
const rows = [
  ["staging", "deployed", "-"],
  ["canary", "refused", "the mean confidence is 0.41, and the bar is 0.5"],
];

describe("a table", () => {
  it("has columns as wide as their widest cell", () => {
    const text = [
      "ENVIRONMENT  OUTCOME   REASON",
      "staging      deployed  -",
      "canary       refused   the mean confidence is 0.41, and the bar is 0.5",
    ].join("\n");
    expect(table(head, rows, 70)).toBe(text);
    expect(table(head, rows)).toBe(text); // The output of a test is no terminal.
  });

  it("has the last cell of each row below it in a terminal that is narrower", () => {
    expect(table(head, rows, 40)).toBe(
      [
        "ENVIRONMENT  OUTCOME",
        "  REASON",
        "staging      deployed",
        "  -",
        "canary       refused",
        "  the mean confidence is 0.41, and the",
        "  bar is 0.5",
      ].join("\n"),
    );
  });
});
