import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, succeeds } from "../../../lib/exec";
import { repositoryRoot } from "../../../lib/paths";
import { python } from "../../python";

/** A file of the repository with a content of its own, and tests that may see it, all of one suite. */
export interface Change {
  file: string;
  content: string;
  tests: string[];
}

/** `passed` when every test did, `failed` when one did not, `broken` when that says nothing of the change; and why. */
export interface Result {
  outcome: "passed" | "failed" | "broken";
  said: string;
}

/** What the tests say of each change, by its name. Each is made in a copy of its own. */
export async function results(changes: Record<string, Change>): Promise<Record<string, Result>> {
  const root = mkdtempSync(join(tmpdir(), "mutants-"));
  const ofScript = ([, { file }]: [string, Change]) => file.endsWith(".py");
  const entries = Object.entries(changes);
  try {
    const scripts = await pytest(join(root, "scripts"), entries.filter(ofScript));
    const templates = await vitest(
      join(root, "templates"),
      entries.filter((entry) => !ofScript(entry)),
    );
    return Object.fromEntries([...scripts, ...templates]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function outcomeOf(isBroken: boolean, hasFailed: boolean): Result["outcome"] {
  if (isBroken) return "broken";
  return hasFailed ? "failed" : "passed";
}

/** A step that no longer runs is red for the wrong reason. */
const mistake = /\b(?:NameError|UnboundLocalError|SyntaxError|IndentationError|ImportError): .*/;

async function pytest(folder: string, changes: [string, Change][]): Promise<[string, Result][]> {
  for (const part of ["workflows", "test/workflows"])
    cpSync(join(repositoryRoot, part), join(folder, "unchanged", part), { recursive: true });
  const jobs = changes.map(([, { file, content, tests }], place) =>
    JSON.stringify([`${place}`, file, content, tests.map((test) => `test/workflows/${test}`)]),
  );
  const env = { PYTHONDONTWRITEBYTECODE: "1", PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1" };
  const printed = await exec(await python(), [join(__dirname, "run_copies.py")], {
    cwd: folder,
    env,
    input: jobs.join("\n"),
  });
  return printed
    .trim()
    .split("\n")
    .map((line) => {
      const [place, code, output] = JSON.parse(line);
      const broken = mistake.exec(output)?.[0] ?? (code > 1 ? `pytest ended with exit code ${code}` : "");
      return [changes[place][0], { outcome: outcomeOf(broken !== "", code === 1), said: `${broken}\n${output}` }];
    });
}

interface Report {
  testResults: { name: string; assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[];
}

async function vitest(folder: string, changes: [string, Change][]): Promise<[string, Result][]> {
  const workflows = join(repositoryRoot, "workflows");
  const copies = changes.map(([name, { file, content, tests }], place) => {
    const [suite] = tests[0].split(": ");
    const copy = join(folder, `${place}`);
    cpSync(workflows, join(copy, "workflows"), { recursive: true, filter: (path) => !path.endsWith(".py") });
    for (const room of ["steps", "gates", "lib"]) {
      rmSync(join(copy, "workflows", room), { recursive: true });
      symlinkSync(join(workflows, room), join(copy, "workflows", room));
    }
    symlinkSync(join(repositoryRoot, "components"), join(copy, "components"));
    writeFileSync(join(copy, file), content);
    mkdirSync(join(copy, "test", "workflows"), { recursive: true });
    cpSync(join(repositoryRoot, "test", "workflows", suite), join(copy, "test", "workflows", suite));
    return { name, tests, suite, path: join(copy, "test", "workflows", suite) };
  });
  symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"));
  const file = join(folder, "report.json");
  await succeeds(join(repositoryRoot, "node_modules", ".bin", "vitest"), [
    "run",
    "--root",
    folder,
    "--no-isolate",
    "--reporter",
    "json",
    "--outputFile",
    file,
  ]);
  const report: Report = JSON.parse(readFileSync(file, "utf8"));
  return copies.map(({ name, tests, suite, path }) => {
    const asserted = report.testResults.find((one) => one.name === path)?.assertionResults ?? [];
    const found = tests.map((test) => asserted.find(({ fullName }) => `${suite}: ${fullName}` === test));
    const said = found
      .map((one, place) => (one ? one.failureMessages.join("\n") : `There is no test "${tests[place]}".`))
      .join("\n");
    return [
      name,
      {
        outcome: outcomeOf(
          found.includes(undefined),
          found.some((assertion) => assertion?.status === "failed"),
        ),
        said,
      },
    ];
  });
}
