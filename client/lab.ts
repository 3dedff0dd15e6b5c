import type { RegisteredVersion } from "../lib/delivery";
import type { Serving } from "./lab-serving";
import { parseVerdict } from "./models";
import type { Release } from "./releases";

/** What the record, the model registry and the cluster say, from which the lab is checked. */
export interface LabFacts {
  readonly versions: readonly RegisteredVersion[];
  readonly releases: readonly Release[];
  /** In the order of promotion. */
  readonly environments: readonly string[];
  readonly serving: readonly Serving[];
}

/** An exercise of the lab. */
export interface Exercise {
  readonly name: string;
  readonly title: string;
  /** What shows that it was done; null where it was not. */
  readonly evidence: Evidence | null;
  /** What is missing and how to do it; an empty string where it was done. */
  readonly missing: string;
}

interface Evidence {
  /** `1.0.X`. */
  readonly version: string;
  readonly digest: string;
  /** Verdict of each gate, with its reason. */
  readonly gates: Readonly<Record<string, string>>;
  /** The record that decides: when it ended, who asked for it, and what came of it. */
  readonly record: {
    readonly action: string;
    readonly environment: string;
    readonly endedAt: Date;
    readonly requestedBy: string;
    readonly workflow: string | null;
    readonly outcome: string;
    readonly reason: string;
  };
}

/** The exercises of the document, in its order. */
export function checkLab({ versions, releases, environments }: Omit<LabFacts, "serving">): Exercise[] {
  const [, next = "", ...later] = environments;
  const last = later.at(-1) ?? next;
  const tagsOf = (version: string | null) => versions.find((known) => known.version === version)?.tags ?? {};
  const oldestFirst = [...releases].sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  const find = (matches: (release: Release, tags: Tags) => boolean): Evidence | null => {
    const found = oldestFirst.find((release) => release.endedAt && matches(release, tagsOf(release.version)));
    return found ? evidenceOf(found, tagsOf(found.version)) : null;
  };
  /** The revert that the pipeline started since a gate turned away a version of this scenario. */
  const revertedFrom = (scenario: string, gate: string, word: string): Evidence | null => {
    const reverts = versions
      .filter(({ tags }) => tags.scenario === scenario && isTurnedAway(tags, gate, word))
      .map(({ version, tags }) => ({
        version,
        tags,
        back: oldestFirst.find((release) => isRevertOf(release, version)),
      }));
    const found = reverts.find(({ back }) => back !== undefined);
    return found ? { ...evidenceOf(found.back!, found.tags), version: found.version } : null;
  };
  return [
    exercise(
      "promotion",
      `A model that passed all gates is promoted to ${next} by the pipeline`,
      find((release, tags) => isPromotion(release, next) && isByPipeline(release) && passedAllGates(tags)),
      "run npm run train -- normal, and follow it to its end",
    ),
    exercise(
      "bad-architecture",
      "A model of the wrong architecture is turned away by the integration gate, and staging is reverted",
      revertedFrom("bad-architecture", "integration", ""),
      "run npm run train -- bad-architecture after a normal one",
    ),
    exercise(
      "oversized",
      "A model that needs too much memory is killed, turned away by the resource gate, and staging is reverted",
      revertedFrom("oversized", "resource", "OOMKilled"),
      "run npm run train -- oversized after a normal one",
    ),
    exercise(
      "manual-promotion",
      `A person promotes the version in ${environments.at(-2) ?? "staging"} to ${last}`,
      find((release) => isPromotion(release, last) && !isByPipeline(release)),
      `run npm run promote -- <version> ${environments.at(-2) ?? "staging"} ${last}`,
    ),
  ];
}

type Tags = RegisteredVersion["tags"];

const exercise = (name: string, title: string, evidence: Evidence | null, remedy: string): Exercise => ({
  name,
  title,
  evidence,
  missing: evidence ? "" : remedy,
});

const isPromotion = ({ action, environment, outcome }: Release, target: string): boolean =>
  action === "promote" && environment === target && outcome === "promoted";

const isByPipeline = ({ requestedBy }: Release): boolean => /^(pipeline run|schedule) /.test(requestedBy);

function isTurnedAway(tags: Tags, gate: string, word: string): boolean {
  const report = parseVerdict(tags[`gate.${gate}`] ?? "");
  return report?.verdict === "fail" && report.reason.includes(word);
}

/** The name of a Workflow that the pipeline starts has the number of the version that it is about. */
const isRevertOf = ({ action, outcome, endedAt, workflow }: Release, version: string): boolean =>
  action === "revert" &&
  outcome === "reverted" &&
  endedAt !== null &&
  (workflow ?? "").startsWith(`revert-staging-v${version.split(".").at(-1)}-`);

const passedAllGates = (tags: Tags): boolean => {
  const reports = gatesOf(tags);
  return reports.length > 0 && reports.every(([, { verdict }]) => verdict === "pass");
};

const gatesOf = (tags: Tags) =>
  Object.entries(tags).flatMap(([key, value]) => {
    const report = key.startsWith("gate.") ? parseVerdict(value) : undefined;
    return report ? [[key.slice("gate.".length), report] as const] : [];
  });

function evidenceOf(release: Release, tags: Tags): Evidence {
  const { action, environment, endedAt, requestedBy, workflow, outcome, reason } = release;
  return {
    version: release.version ?? "base",
    digest: tags.image_digest ?? release.digest ?? "",
    gates: Object.fromEntries(gatesOf(tags).map(([gate, { verdict, reason }]) => [gate, `${verdict}: ${reason}`])),
    record: { action, environment, endedAt: endedAt!, requestedBy, workflow, outcome: outcome ?? "", reason },
  };
}
