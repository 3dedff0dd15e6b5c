import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Exercise } from "../client/lab";
import { listed } from "../lib/listed";
import { runMain } from "../lib/main";
import { timestamp } from "../lib/timestamp";
import { machineUrls } from "../local/urls";
import { connect } from "../stacks/stack-cluster";
import {
  compareWithCluster,
  type LabCheck,
  type LabContent,
  readEvidence,
  readLab,
  writeEvidence,
} from "./lab-evidence";
import { type Pictures, pictureProblems, takePictures } from "./lab-pictures";

const usage = `Usage: npm run lab:check [-- --name "<name>"] [--folder <folder>]
       npm run lab:verify -- <folder> [--cluster]

lab:check checks each exercise of the lab against the record, the model registry and the cluster, says what is missing
and what differs, and writes the evidence, under the name of the person, to a folder (default: lab-evidence). Exit code
0: all exercises are done, and what runs is what the record says. 1: something is missing, or differs. 2: something
failed; where only the pictures of the board did, the evidence is written without them.
lab:verify checks such a folder: whether it is whole, and whether the exercises follow from its records. With --cluster
it also compares the exercises with the record of the stack's cluster. Exit code 0: all exercises are done. 1: something
is missing, or was changed, or differs. 2: it could not be checked.`;

const fileName = "evidence.json";

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

/** The exercises, and where the environments differ from the record. */
function renderCheck({ exercises, environments, differences }: LabCheck): string {
  const serving =
    differences.length === 0
      ? [`What the record says runs in ${listed(environments)}.`]
      : differences.map((difference) => `✗ ${difference}`);
  return [renderExercises(exercises), "", ...serving].join("\n");
}

function renderPictures({ pictures, missing }: Pictures): string {
  const files = listed(pictures.map(({ file }) => file));
  if (!missing) return `Pictures of the board: ${files}.`;
  return `${files ? `Of the pictures of the board only ${files}` : "No pictures of the board"}: ${missing}.`;
}

const isComplete = ({ exercises, differences }: LabCheck): boolean =>
  differences.length === 0 && exercises.every(({ evidence }) => evidence !== null);

/** @throws if a name is none that a person has */
export function parseName(name: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’@_-]{0,99}$/u.test(name)) return name;
  throw new Error(
    `${JSON.stringify(name)} is not a name: write letters, digits, spaces and .,'@_- of at most 100 characters, ` +
      "and a letter or a digit first",
  );
}

async function check(folder: string, name: string | null): Promise<number> {
  const found = await readLab(connect());
  mkdirSync(folder, { recursive: true });
  const pictures = await takePictures(machineUrls().board, folder);
  const file = join(folder, fileName);
  writeFileSync(file, writeEvidence(found, name, pictures, new Date()));
  const unnamed = name === null ? ['It has no name in it: give yours with -- --name "<name>".'] : [];
  const where = [`The evidence is in ${file}.`, ...unnamed];
  console.log([renderCheck(found), renderPictures(pictures), ...where].join("\n"));
  if (!isComplete(found)) return 1;
  return pictures.failed ? 2 : 0;
}

const renderPerson = ({ name, user, cluster, checkedAt }: LabContent): string =>
  `${name === null ? "It names nobody" : `It says that it is of ${name}`}: ` +
  `the user ${user} on the cluster ${cluster}, at ${checkedAt}.`;

async function verify(folder: string, withCluster: boolean): Promise<number> {
  const file = join(folder, fileName);
  if (!existsSync(file)) throw new Error(`there is no ${file}: name a folder that npm run lab:check has written`);
  const { content, problems: found } = readEvidence(readFileSync(file, "utf8"));
  const problems = [...found, ...(content ? pictureProblems(content.pictures.pictures, folder) : [])];
  if (content && withCluster) problems.push(...compareWithCluster(content, await readLab(connect())));
  if (!content || problems.length > 0) {
    console.error(`${basename(resolve(folder))} is not valid: ${problems.join("; ")}.`);
    return 1;
  }
  const shown = withCluster
    ? "The cluster's record shows the same exercises."
    : "Nothing was changed by accident. Only --cluster, where the stack's cluster is this one, finds a forgery.";
  console.log([renderCheck(content), renderPictures(content.pictures), renderPerson(content), shown].join("\n"));
  return isComplete(content) ? 0 : 1;
}

/** @returns the exit code. @throws if something failed, which is exit code 2 */
export async function runLab(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      verify: { type: "boolean", default: false },
      cluster: { type: "boolean", default: false },
      folder: { type: "string" },
      name: { type: "string" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const isUsed = values.verify
    ? positionals.length === 1 && values.folder === undefined && values.name === undefined
    : positionals.length === 0 && !values.cluster;
  if (!isUsed) throw new Error(usage.split("\n\n")[0]);
  if (values.verify) return verify(positionals[0], values.cluster);
  return check(values.folder ?? "lab-evidence", values.name === undefined ? null : parseName(values.name));
}

if (require.main === module) runMain(() => runLab(process.argv.slice(2)), 2);
