import { createHash } from "node:crypto";
import { readEnvironments } from "../client/environments";
import { checkLab, type Exercise, type LabFacts } from "../client/lab";
import { readServing, servingDifferences } from "../client/lab-serving";
import { listRegisteredVersions } from "../client/models";
import { listReleases } from "../client/releases";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { isRecord } from "../lib/record";
import { timestamp } from "../lib/timestamp";
import type { Pictures } from "./lab-pictures";

/** What a cluster shows of the lab. */
export interface LabCheck extends LabFacts {
  /** Unique to the cluster: the uid of its namespace kube-system. */
  readonly cluster: string;
  /** The name under which the API server knows who checked: on a local cluster it is the same for everybody. */
  readonly user: string;
  /** What follows from the facts. */
  readonly exercises: readonly Exercise[];
  /** Where the environments differ from the record, in one sentence each. */
  readonly differences: readonly string[];
}

/** The evidence of the lab. */
export interface LabContent extends LabCheck {
  readonly format: 2;
  /** Whose evidence it is, as this person says; null where no name was given. */
  readonly name: string | null;
  readonly checkedAt: string;
  readonly pictures: Pictures;
}

/** Reads and checks what the cluster shows now. @throws if the API server or MLflow does not answer */
export async function readLab(cluster: Cluster): Promise<LabCheck> {
  const environments = await readEnvironments(cluster);
  const [versions, releases, serving, user, { metadata }] = await Promise.all([
    listRegisteredVersions(cluster),
    listReleases(cluster),
    readServing(cluster, environments),
    cluster.username(),
    cluster.api<{ metadata: { uid: string } }>("/api/v1/namespaces/kube-system"),
  ]);
  const facts = { environments, versions, releases, serving };
  return { cluster: metadata.uid, user, ...facts, ...conclusionsOf(facts) };
}

const conclusionsOf = (facts: LabFacts) => ({
  exercises: checkLab(facts),
  differences: servingDifferences(facts.serving, facts.releases),
});

/** The text of the evidence file, with a hash of each of its parts. */
export function writeEvidence(check: LabCheck, name: string | null, pictures: Pictures, now: Date): string {
  const content: LabContent = { format: 2, name, checkedAt: timestamp(now), ...check, pictures };
  const parts = JSON.parse(JSON.stringify(content)) as Record<string, unknown>;
  return layOut({ ...parts, sha256: hashesOf(parts) });
}

const layOut = (evidence: object): string => `${JSON.stringify(evidence, null, 2)}\n`;

const hashesOf = (parts: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, hashOf(value)]));

const hashOf = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** What the text of an evidence file says, and what is wrong with it, in one sentence each; empty where it is whole. */
export function readEvidence(text: string): { content: LabContent | null; problems: string[] } {
  const found = parseJson(text);
  const isEvidence = isRecord(found) && found.format === 2 && isRecord(found.sha256);
  if (!isEvidence) return { content: null, problems: ["it is no evidence of npm run lab:check"] };
  const { sha256, ...parts } = found;
  const changed = changedParts(parts, sha256 as Record<string, unknown>);
  if (changed.length > 0) return { content: null, problems: changed };
  if (layOut(found) !== text) return { content: null, problems: ["its layout was changed after it was written"] };
  try {
    const content = withTimes(text);
    return { content, problems: unfoundedParts(content) };
  } catch {
    return { content: null, problems: ["its content is not what npm run lab:check writes"] };
  }
}

function changedParts(parts: Record<string, unknown>, hashes: Record<string, unknown>): string[] {
  const lost = Object.keys(hashes).filter((part) => !(part in parts));
  const changed = Object.keys(parts).filter((part) => hashOf(parts[part]) !== hashes[part]);
  return [
    ...lost.map((part) => `its part "${part}" is missing`),
    ...changed.map((part) => `its part "${part}" was changed after it was written`),
  ];
}

/** What the facts of an evidence do not show. */
function unfoundedParts(content: LabContent): string[] {
  const { exercises, differences } = conclusionsOf(content);
  return [
    ...(isSame(exercises, content.exercises) ? [] : ["its exercises do not follow from its records"]),
    ...(isSame(differences, content.differences) ? [] : ["its differences do not follow from its records"]),
  ];
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** What an evidence says that its cluster does not show now, in one sentence each. */
export function compareWithCluster(content: LabContent, now: LabCheck): string[] {
  if (content.cluster !== now.cluster)
    return [`it is of the cluster ${content.cluster}, and this one is ${now.cluster}`];
  return content.exercises
    .filter(({ evidence }) => evidence !== null)
    .filter(({ name, evidence }) => !isSame(evidence, now.exercises.find((one) => one.name === name)?.evidence))
    .map(({ name }) => `the cluster's record does not show the exercise ${name} as it does`);
}

const times = ["startedAt", "endedAt", "registeredAt"];

const withTimes = (text: string): LabContent =>
  JSON.parse(text, (key, value) => (times.includes(key) && typeof value === "string" ? new Date(value) : value));
