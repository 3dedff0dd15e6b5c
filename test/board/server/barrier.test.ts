import { describe, expect, it } from "vitest";
import { type BarrierFacts, barrierOf } from "../../../board/server/barrier";
import { digest } from "./pipeline";

const facts = (more: Record<string, string> = {}, changes: Partial<BarrierFacts> = {}): BarrierFacts => ({
  environment: "canary",
  name: "1.0.7",
  digest: digest("7"),
  version: {
    version: "1.0.7",
    registeredAt: new Date(0),
    tags: { "staging.verdict": "pass", "staging.digest": digest("7"), ...more },
  },
  withdrawn: "",
  ...changes,
});

describe("what bars a version from its promotion", () => {
  it("is nothing where it passed with the image that runs", () => expect(barrierOf(facts())).toBeNull());

  it.each<[string, string, BarrierFacts]>([
    ["Unknown", "MLflow does not say whether 1.0.7 has passed its gates.", facts({}, { version: undefined })],
    ["Not tested", "1.0.7 has not passed staging with its present image.", facts({ "staging.verdict": "" })],
    ["Not tested", "1.0.7 has not passed staging with its present image.", facts({}, { digest: digest("8") })],
    ["Not tested", "1.0.7 has not passed staging with its present image.", facts({}, { digest: null })],
    [
      "Turned away",
      "1.0.7 did not pass staging: load: too slow.",
      facts({ "staging.verdict": "fail", "staging.reason": "load: too slow" }),
    ],
    ["Turned away", "1.0.7 did not pass staging.", facts({ "staging.verdict": "fail" })],
    [
      "Inconclusive",
      "1.0.7 got no verdict in staging: hey ended.",
      facts({ "staging.verdict": "inconclusive", "staging.reason": "hey ended." }),
    ],
    [
      "Withdrawn",
      "1.0.7 passed staging, and was withdrawn since: it crashed.",
      facts({ "staging.verdict": "withdrawn", "staging.reason": "it crashed" }),
    ],
    [
      "Superseded",
      "1.0.7 was replaced in staging before it had a verdict.",
      facts({ "staging.verdict": "superseded" }),
    ],
    ["Not passed", "1.0.7 has not passed staging.", facts({ "staging.verdict": "maybe" })],
    [
      "Collected",
      "The image and the files of 1.0.7 were collected on 2026-01-05T00:00:00Z.",
      facts({ "retention.collected": "2026-01-05T00:00:00Z" }),
    ],
    ["Withdrawn", "1.0.7 was withdrawn from canary: OOMKilled.", facts({}, { withdrawn: "OOMKilled" })],
  ])("is that it is %s: %s", (word, sentence, version) => expect(barrierOf(version)).toEqual({ word, sentence }));
});
