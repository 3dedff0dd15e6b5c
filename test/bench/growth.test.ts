import { expect, it } from "vitest";
import { overGrowthBar } from "../../bench/growth";

it("names what takes more than one and a half times as long with many", () => {
  const rows = [
    ["status", "20.0", "30.0", "1.50"],
    ["gate", "90.0", "150.3", "1.67"],
    ["keep", "40.0", "60.4", "1.51"],
  ];
  expect(overGrowthBar(rows)).toEqual(["gate", "keep"]);
  expect(overGrowthBar(rows.slice(0, 1))).toEqual([]);
});
