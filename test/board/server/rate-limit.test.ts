import { describe, expect, it } from "vitest";
import { RateLimit } from "../../../board/server/rate-limit";
import type { Refusal } from "../../../board/server/refusal";

function refusalOf(act: () => void): Refusal | undefined {
  try {
    act();
  } catch (error) {
    return error as Refusal;
  }
  return undefined;
}

describe("a person", () => {
  it("acts at most 30 times within any minute", () => {
    const limit = new RateLimit();
    for (let second = 0; second < 30; second++) limit.count("anna", 1000 * second);
    const refused = refusalOf(() => limit.count("anna", 30_500))!;
    expect([refused.status, refused.headers, refused.message]).toEqual([
      429,
      { "retry-after": "30" },
      "You have acted 30 times within a minute, which is the most: try again in 30 s.",
    ]);
    expect(refusalOf(() => limit.count("anna", 59_999))?.status).toBe(429);
    limit.count("anna", 60_000);
    expect(refusalOf(() => limit.count("anna", 60_999))?.status).toBe(429);
    limit.count("anna", 61_000);
  });

  it("is not held up by others", () => {
    const limit = new RateLimit();
    for (let acts = 0; acts < 30; acts++) limit.count("anna", 0);
    limit.count("ben", 0);
    expect(refusalOf(() => limit.count("anna", 0))?.status).toBe(429);
  });
});
