import { describe, expect, it } from "vitest";
import { besideTheFirst } from "../../bench/statistics";

describe("besideTheFirst", () => {
  it("has median and 95th percentile in milliseconds, and the median beside the first one's", () => {
    const seconds = { direct: [0.002, 0.001, 0.009], slow: [0.004, 0.004, 0.005] };
    expect(besideTheFirst(seconds)).toEqual([
      ["direct", "2.00", "9.00", "1.00"],
      ["slow", "4.00", "5.00", "2.00"],
    ]);
  });
});
