import { describe, expect, it } from "vitest";
import { type SoakFacts, soakLeftSeconds } from "../../../board/server/soak";

const now = new Date("2026-01-05T10:00:00Z");
const tags = {
  "canary.promoted_at": "2026-01-05T09:30:30Z",
};
const facts = (changes: Partial<SoakFacts> = {}, more: Record<string, string> = {}): SoakFacts => ({
  environment: "canary",
  isFirst: false,
  version: { version: "1.0.7", registeredAt: now, tags: { ...tags, ...more } },
  readySince: "2026-01-05T09:30:20Z",
  minimumMinutes: 60,
  ...changes,
});

describe("the soak", () => {
  it("lasts from the promotion on", () => expect(soakLeftSeconds(facts(), now)).toBe(1830));

  it("does not last from before a pod was ready: nobody knows how earlier ones ended", () =>
    expect(soakLeftSeconds(facts({ readySince: "2026-01-05T09:50:00Z" }), now)).toBe(3000));

  it("of an environment whose pods are not known lasts from the promotion on", () =>
    expect(soakLeftSeconds(facts({ readySince: null }), now)).toBe(1830));

  it.each<[string, SoakFacts]>([
    ["that is over", facts({ minimumMinutes: 29 })],
    ["of a stack that asks for none", facts({ minimumMinutes: 0 }, { "canary.promoted_at": "" })],
    ["of staging, where the gates are", facts({ isFirst: true, environment: "staging" })],
  ])("%s has nothing left", (_title, soak) => expect(soakLeftSeconds(soak, now)).toBe(0));

  it.each(["", "yesterday"])("of a version that was promoted %j lasts in full", (promoted) =>
    expect(soakLeftSeconds(facts({}, { "canary.promoted_at": promoted }), now)).toBe(3600),
  );

  it("of a version that MLflow does not know lasts in full", () =>
    expect(soakLeftSeconds(facts({ version: undefined }), now)).toBe(3600));
});
