import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { readEnvironments } from "../client/environments";
import { checkLab, type Exercise, type LabFacts } from "../client/lab";
import { listRegisteredVersions } from "../client/models";
import { listReleases } from "../client/releases";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { timestamp } from "../lib/timestamp";
import { machineUrls } from "../local/urls";
import { connect } from "../stacks/stack-cluster";
import { type Picture, pictureProblems, takePictures } from "./lab-pictures";

const usage = `Usage: npm run lab:check [-- --folder <folder>]
       npm run lab:verify -- <folder>

lab:check checks each exercise of the lab against the record and the model registry, says what is missing, and writes
the evidence to a folder (default: lab-evidence). Exit code 0: all exercises are done. 1: something is missing.
lab:verify checks such a folder without a cluster: whether the evidence fits together and nothing of it was changed.`;

/** The file of the evidence; `sha256` is of the rest, in this order, as JSON. */
interface LabEvidence {
  readonly format: 1;
  /** Unique to the cluster: the uid of its namespace kube-system. */
  readonly cluster: string;
  readonly person: string;
  readonly checkedAt: string;
  readonly facts: LabFacts;
  readonly exercises: Exercise[];
  readonly pictures: readonly Picture[];
  readonly sha256: string;
}

const fileName = "evidence.json";
const hashOf = (evidence: Omit<LabEvidence, "sha256">): string =>
  createHash("sha256").update(JSON.stringify(evidence)).digest("hex");

async function readFacts(cluster: Cluster): Promise<LabFacts> {
  const [versions, releases, environments] = await Promise.all([
    listRegisteredVersions(cluster),
    listReleases(cluster),
    readEnvironments(cluster),
  ]);
  return { versions, releases, environments };
}

/** The evidence of a cluster, as JSON gives it back: its times are text. */
export async function collectEvidence(cluster: Cluster, pictures: readonly Picture[], now: Date): Promise<LabEvidence> {
  const facts = await readFacts(cluster);
  const { metadata } = await cluster.api<{ metadata: { uid: string } }>("/api/v1/namespaces/kube-system");
  const evidence = {
    format: 1 as const,
    cluster: metadata.uid,
    person: await cluster.username(),
    checkedAt: timestamp(now),
    facts,
    exercises: checkLab(facts),
    pictures,
  };
  return { ...evidence, sha256: hashOf(evidence) };
}

/** The exercises as a person reads them, each with what shows it or what to do. */
export function renderExercises(exercises: readonly Exercise[]): string {
  const lines = exercises.flatMap(({ title, evidence, missing }) => {
    if (!evidence) return [`✗ ${title}`, `    ${missing}`];
    const { version, record, gates } = evidence;
    const failed = Object.entries(gates).filter(([, report]) => !report.startsWith("pass"));
    return [
      `✓ ${title}`,
      `    ${version}, ${record.outcome} at ${timestamp(record.endedAt)}, asked for by ${record.requestedBy}`,
      ...failed.map(([gate, report]) => `    ${gate} ${report}`),
    ];
  });
  const done = exercises.filter(({ evidence }) => evidence).length;
  return [...lines, "", `${done} of ${exercises.length} exercises are done.`].join("\n");
}

/** What is wrong with the text of an evidence file, in one sentence each; empty where it fits together. */
export function verifyEvidence(text: string): { evidence: LabEvidence | null; problems: string[] } {
  let evidence: LabEvidence;
  try {
    evidence = JSON.parse(text, (key, value) => (isTime(key, value) ? new Date(value) : value)) as LabEvidence;
    if (evidence.format !== 1) throw new Error("another format");
  } catch {
    return { evidence: null, problems: ["it is no evidence of npm run lab:check"] };
  }
  const { sha256, ...rest } = evidence;
  if (hashOf(rest) !== sha256) return { evidence, problems: ["it was changed after it was written"] };
  const again = JSON.stringify(checkLab(evidence.facts));
  const differs = again !== JSON.stringify(evidence.exercises);
  return { evidence, problems: differs ? ["its exercises do not follow from its records"] : [] };
}

const times = ["startedAt", "endedAt", "registeredAt"];
const isTime = (key: string, value: unknown): value is string => times.includes(key) && typeof value === "string";

async function check(folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const { pictures, missing } = await takePictures(machineUrls().board, folder);
  const evidence = await collectEvidence(connect(), pictures, new Date());
  writeFileSync(join(folder, fileName), `${JSON.stringify(evidence, null, 2)}\n`);
  const where = `The evidence is in ${join(folder, fileName)}.`;
  console.log([renderExercises(evidence.exercises), where, ...(missing ? [missing] : [])].join("\n"));
  return evidence.exercises.every(({ missing }) => missing === "") ? 0 : 1;
}

function verify(folder: string): number {
  const file = join(folder, fileName);
  if (!existsSync(file)) throw new Error(`there is no ${file}: name a folder that npm run lab:check has written`);
  const { evidence, problems: wrong } = verifyEvidence(readFileSync(file, "utf8"));
  const problems = [...wrong, ...pictureProblems(evidence?.pictures ?? [], folder)];
  if (evidence && problems.length === 0) {
    const { person, cluster, checkedAt, exercises } = evidence;
    console.log(`${renderExercises(exercises)}\n\nOf ${person}, on the cluster ${cluster}, at ${checkedAt}.`);
    return exercises.every(({ missing }) => missing === "") ? 0 : 1;
  }
  console.error(`${basename(folder)} is not valid: ${problems.join("; ")}.`);
  return 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      verify: { type: "boolean", default: false },
      folder: { type: "string", default: "lab-evidence" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== (values.verify ? 1 : 0)) throw new Error(usage.split("\n\n")[0]);
  return values.verify ? verify(positionals[0]) : check(values.folder);
}

if (require.main === module) runMain(main);
