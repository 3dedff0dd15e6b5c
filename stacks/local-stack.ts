import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StackFile, saltOf } from "../config";
import { missingFileRemedy } from "../lib/as-root";
import { kubeconfigPath, repositoryRoot, stateDir } from "../lib/paths";
import type { Progress } from "../lib/phases";
import { readWhole } from "../lib/whole-file";
import { recordedPorts } from "../local/cluster/forward";
import { kubectl } from "../local/cluster/kubectl";
import { machineAddresses } from "../local/cluster/listen";
import { localNodes, recordedNodeCount } from "../local/cluster/nodes";
import { startedAt } from "../local/cluster/processes";
import { stuckPods } from "../local/cluster/stuck-pods";
import { manifestPath } from "../local/toolchain/release-manifests";
import { resumeUpdate } from "./interrupted-update";
import { PulumiError, type PulumiOptions, pulumi } from "./local-pulumi";
import { type LocalValues, renderStack } from "./local-settings";
import { installPlugins } from "./plugins";
import { type Recorded, readState } from "./state";
import { type UpdatePlan, updateArgs } from "./update-plan";

const project = "gourmetgram";
const backend = (...path: string[]) => join(stateDir(), "pulumi-backend", ".pulumi", ...path);

/** The stack file that the local cluster's stack is run with. The one in the repository is never written. */
export const localStackFile = (stack: string): string => join(stateDir(), `Pulumi.${stack}.yaml`);

/** Where the local backend keeps the state of each stack, in a file `<stack>.json`. */
export const stacksDirectory = (): string => backend("stacks", project);

/** Whether the local backend knows the stack. */
export const stackExists = (stack: string): boolean => existsSync(join(stacksDirectory(), `${stack}.json`));

/** A file that exists from the beginning of a destroy until one has completed. */
const destroyMark = (): string => join(stateDir(), "destroy-began");

/** The whole output of the last such command. */
const updateLog = (name: string): string => join(stateDir(), "logs", `pulumi-${name}.log`);

/**
 * What this machine knows of its cluster, whose images are the given ones.
 * @param listen what is open beside 127.0.0.1, as the last start has recorded it, or as this one is to record it
 * @param mlflowPort default as the last start has recorded it
 */
export function localValues(
  images: LocalValues["images"],
  listen: LocalValues["listen"],
  mlflowPort = recordedPorts()?.mlflow,
): LocalValues {
  return {
    kubeconfig: kubeconfigPath(),
    nodeAddresses: localNodes(recordedNodeCount()).map(({ ip }) => ip),
    manifests: {
      argoWorkflows: manifestPath("argo-workflows"),
      argoCd: manifestPath("argo-cd"),
      contour: manifestPath("contour"),
    },
    images,
    listen,
    addresses: machineAddresses(),
    mlflowPort,
  };
}

/**
 * Makes the stack on the local file backend if there is none, and writes its settings.
 * @returns names of the providers that a plugin serves which was compiled here.
 */
export async function prepareStack(stack: string, settings: StackFile): Promise<string[]> {
  recoverFromKill(stack);
  const compiled = await installPlugins();
  if (!stackExists(stack) || !readSalt(stack)) await makeSalt(stack, settings);
  writeFileSync(localStackFile(stack), renderStack({ ...settings, encryptionsalt: readSalt(stack) }));
  return compiled;
}

/** The salt of the stack's encryption, which Pulumi adds to its file: without it the stack's secrets are lost. */
function readSalt(stack: string): string | undefined {
  const path = localStackFile(stack);
  return existsSync(path) ? saltOf(readFileSync(path, "utf8"), path) : undefined;
}

/** Has Pulumi write a new salt into the stack's file, and makes the stack if there is none. */
async function makeSalt(stack: string, settings: StackFile): Promise<void> {
  // A project of the same name, in a directory where Pulumi may write its file.
  writeFileSync(join(stateDir(), "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
  writeFileSync(localStackFile(stack), renderStack(settings));
  const args = stackExists(stack)
    ? ["stack", "change-secrets-provider", "passphrase", "--stack", stack]
    : ["stack", "init", stack, "--no-select", "--secrets-provider", "passphrase"];
  await pulumi(args, { cwd: stateDir(), onLine: () => {} });
}

/** What Pulumi has recorded of the stack. */
export const recordedResources = (stack: string): Recorded[] =>
  readState<Recorded>(join(stacksDirectory(), `${stack}.json`)).resources;

/** What an update needs after one that was interrupted; after any other, nothing. */
export async function resume(stack: string): Promise<UpdatePlan> {
  return {
    // A killed destroy left a state that still lists what it had already deleted.
    refresh: existsSync(destroyMark()),
    env: stackExists(stack) ? await resumeUpdate(stack, join(stacksDirectory(), `${stack}.json`), kubectl) : {},
    replace: [],
    notices: [],
    lostReleases: [],
  };
}

/**
 * `pulumi up`.
 * @param cwd directory of the program; default the repository
 * @param plan default {@link resume}
 * @returns its summary, e.g. `152 unchanged`.
 */
export async function up(stack: string, progress: Progress, cwd = repositoryRoot, plan?: UpdatePlan): Promise<string> {
  const advice =
    `\nAll of its output is in ${updateLog("up")}. ` +
    "Fix the cause, then run the same command again: it continues from there.";
  const resumed = plan ?? (await resume(stack));
  const { env } = resumed;
  const counts = await logged(
    "up",
    stack,
    ["up", "--yes", "--skip-preview", ...updateArgs(resumed)],
    progress,
    { cwd, env },
    advice,
  );
  rmSync(destroyMark(), { force: true });
  return counts;
}

/**
 * `pulumi destroy`. The emptied stack stays in the backend: `--remove` would delete the repository's stack file.
 * @returns its summary.
 */
export async function destroy(stack: string, progress: Progress): Promise<string> {
  recoverFromKill(stack);
  writeFileSync(destroyMark(), "");
  // The state has about 16 MB. Writing it twice for each resource would take most of the time.
  const counts = await logged("destroy", stack, ["destroy", "--yes", "--skip-preview"], progress, {
    env: { PULUMI_SKIP_CHECKPOINTS: "true" },
  });
  rmSync(destroyMark(), { force: true });
  return counts;
}

/**
 * `pulumi preview` of the stack with the given settings. They are written into a temporary file, so neither the state
 * nor the stack file of the last `npm start` changes.
 * @throws PulumiError if it fails, or a policy is violated
 */
export async function preview(
  stack: string,
  settings: StackFile,
  args: string[],
  options: PulumiOptions = {},
): Promise<void> {
  if (!stackExists(stack))
    throw new Error(
      `There is no stack ${stack} on this machine to compare with: ` +
        `${missingFileRemedy()}, or name another stack in GOURMETGRAM_STACK.`,
    );
  const directory = mkdtempSync(join(tmpdir(), "gourmetgram-preview-"));
  try {
    const file = join(directory, `Pulumi.${stack}.yaml`);
    writeFileSync(file, renderStack({ ...settings, encryptionsalt: readSalt(stack) }), { mode: 0o600 });
    await pulumi(["preview", "--stack", stack, "--config-file", file, ...args], options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs a `pulumi` command with its output in a log file. @returns its summary @throws with its diagnostics */
async function logged(
  name: string,
  stack: string,
  args: string[],
  progress: Progress,
  options: PulumiOptions,
  advice = "",
): Promise<string> {
  mkdirSync(join(stateDir(), "logs"), { recursive: true });
  const log = updateLog(name);
  writeFileSync(log, "");
  const onLine = (line: string) => {
    appendFileSync(log, `${line}\n`);
    if (line.trim()) progress(line.trim().replace(/\s+/g, " "));
  };
  try {
    return summary(
      await pulumi([...args, "--stack", stack, "--config-file", localStackFile(stack), "--color", "never"], {
        ...options,
        onLine,
      }),
    );
  } catch (error) {
    if (!(error instanceof PulumiError)) throw error;
    const stuck = await stuckPods();
    const pods = stuck.length > 0 ? `\nPods that are not ready:\n  ${stuck.join("\n  ")}` : "";
    throw new Error(`pulumi ${name} did not finish:\n${diagnostics(error.output)}${pods}${advice}`);
  }
}

/** What Pulumi counts under "Resources:", in one line. */
export function summary(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const start = lines.indexOf("Resources:");
  const counts = start < 0 ? [] : lines.slice(start + 1, lines.indexOf("", start));
  return counts.map((line) => line.replace(/^.*changes\. /, "").replace(/^[^0-9]*/, "")).join(", ");
}

/** The part of Pulumi's output that says what went wrong; its last lines if it has no such part. */
export function diagnostics(output: string): string {
  const lines = output.trimEnd().split("\n");
  const start = lines.findIndex((line) => line.startsWith("Diagnostics:"));
  const end = lines.findIndex((line, index) => index > start && /^(Outputs|Resources):/.test(line));
  return (start < 0 ? lines.slice(-15) : lines.slice(start, end < 0 ? undefined : end)).slice(0, 40).join("\n");
}

/**
 * Removes what killed CLI processes left, and at which every later command would stop: their locks on the stack, and
 * the attributes of a state file that they had begun to write.
 * @throws if a lock belongs to a process that still runs
 */
export function recoverFromKill(stack: string): void {
  removeStaleLocks(stack);
  removeBrokenAttributes(stack);
}

function removeStaleLocks(stack: string): void {
  const dir = backend("locks", "organization", project, stack);
  // An incompletely written lock has another name, and stops Pulumi too.
  const locks = existsSync(dir) ? readdirSync(dir).filter((name) => !name.endsWith(".attrs")) : [];
  for (const name of locks) {
    const { pid, timestamp } = readLock(join(dir, name));
    const began = startedAt(pid);
    // A process that began after the lock was written is another one with the same number. Two seconds of tolerance,
    // since the boot time is in whole seconds.
    if (began !== undefined && began <= Date.parse(timestamp) + 2_000)
      throw new Error(`Pulumi is running on the stack ${stack} (process ${pid}): wait for it, then run this again.`);
    for (const file of [name, `${name}.attrs`]) rmSync(join(dir, file), { force: true });
  }
}

/**
 * The backend writes a state file at once, and the attributes beside it not: a process that was killed meanwhile leaves
 * them empty, and Pulumi then fails with "failed to load checkpoint: EOF". It needs none of them.
 */
function removeBrokenAttributes(stack: string): void {
  for (const name of [`${stack}.json.attrs`, `${stack}.json.bak.attrs`]) {
    const file = backend("stacks", project, name);
    if (existsSync(file) && readWhole(file) === undefined) rmSync(file);
  }
}

/** An incompletely written lock belongs to no process. */
function readLock(path: string): { pid: number; timestamp: string } {
  return (readWhole(path) as { pid: number; timestamp: string } | undefined) ?? { pid: 0, timestamp: "" };
}
