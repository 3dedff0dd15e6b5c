import { collectedTag } from "../../components/shared/workflow-names";
import type { RegisteredVersion } from "../../lib/delivery";
import type { Barrier } from "../api";

/** What decides whether the version that an environment runs may be promoted at all. */
export interface BarrierFacts {
  readonly environment: string;
  /** The version that runs there, `1.0.X`. */
  readonly name: string;
  /** Digest that runs there. */
  readonly digest: string | null;
  /** The version with its tags in MLflow; undefined where MLflow does not know it, or does not answer. */
  readonly version: RegisteredVersion | undefined;
  /** Why no user meets the version any more, or an empty string. */
  readonly withdrawn: string;
}

/**
 * Why a version may not be promoted, or null. The rules are those of `workflows/lib/promotion_rules.py`, but for the
 * soak, the freeze, the calendar and the pods' health, which are shown beside it.
 */
export function barrierOf({ environment, name, digest, version, withdrawn }: BarrierFacts): Barrier | null {
  if (!version) return { word: "Unknown", sentence: `MLflow does not say whether ${name} has passed its gates.` };
  const { tags } = version;
  if (tags[collectedTag])
    return {
      word: "Collected",
      sentence: `The image and the files of ${name} were collected on ${tags[collectedTag]}.`,
    };
  return unverified(name, digest, tags) ?? withdrawnFromUsers(environment, name, withdrawn);
}

const words: Readonly<Record<string, Barrier["word"]>> = {
  fail: "Turned away",
  inconclusive: "Inconclusive",
  withdrawn: "Withdrawn",
  superseded: "Superseded",
};

const openings: Readonly<Record<string, string>> = {
  fail: "did not pass staging",
  inconclusive: "got no verdict in staging",
  withdrawn: "passed staging, and was withdrawn since",
  superseded: "was replaced in staging before it had a verdict",
};

function unverified(name: string, digest: string | null, tags: Readonly<Record<string, string>>): Barrier | null {
  const verdict = tags["staging.verdict"] ?? "";
  // A verdict is about one image. Of a version that was built again, the gates have still to judge the new one.
  if (tags["staging.digest"] !== digest || !verdict)
    return { word: "Not tested", sentence: `${name} has not passed staging with its present image.` };
  if (verdict === "pass") return null;
  const why = tags["staging.reason"]?.replace(/[.]$/, "");
  return {
    word: words[verdict] ?? "Not passed",
    sentence: `${name} ${openings[verdict] ?? "has not passed staging"}${why ? `: ${why}` : ""}.`,
  };
}

const withdrawnFromUsers = (environment: string, name: string, withdrawn: string): Barrier | null =>
  withdrawn
    ? { word: "Withdrawn", sentence: `${name} was withdrawn from ${environment}: ${withdrawn.replace(/[.]$/, "")}.` }
    : null;
