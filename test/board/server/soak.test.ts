import { describe, expect, it } from "vitest";
import { type SoakFacts, soakLeftSeconds } from "../../../board/server/soak";
import { digest } from "./pipeline";

const now = new Date("2026-01-05T10:00:00Z");
const tags = {
  "staging.verdict": "pass",
  "staging.digest": digest("7"),
  "canary.promoted_at": "2026-01-05T09:30:30Z",
};
const facts = (changes: Partial<SoakFacts> = {}, more: Record<string, string> = {}): SoakFacts => ({
  environment: "canary",
  isFirst: false,
  digest: digest("7"),
  version: { version: "1.0.7", registeredAt: now, tags: { ...tags, ...more } },
  minimumMinutes: 60,
  withdrawn: "",
  ...changes,
});

describe("the soak", () => {
  it("lasts from the promotion on", () => expect(soakLeftSeconds(facts(), now)).toBe(1830));

  it.each<[string, SoakFacts]>([
    ["that is over", facts({ minimumMinutes: 29 })],
    ["of a stack that asks for none", facts({ minimumMinutes: 0 }, { "canary.promoted_at": "" })],
    ["of staging, where the gates are", facts({ isFirst: true, environment: "staging" })],
  ])("%s has nothing left", (_title, soak) => expect(soakLeftSeconds(soak, now)).toBe(0));

  it.each(["", "yesterday"])("of a version that was promoted %j lasts in full", (promoted) =>
    expect(soakLeftSeconds(facts({}, { "canary.promoted_at": promoted }), now)).toBe(3600),
  );

  it.each<[string, SoakFacts]>([
    ["that MLflow does not know", facts({ version: undefined })],
    ["that failed", facts({}, { "staging.verdict": "fail" })],
    ["whose image was built again since", facts({ digest: digest("8") })],
    ["that was collected", facts({}, { "retention.collected": "2026-01-05T00:00:00Z" })],
    ["that was withdrawn", facts({ withdrawn: "OOMKilled" })],
  ])("does not matter for a version %s", (_title, soak) => expect(soakLeftSeconds(soak, now)).toBeNull());
});
