import { spawn } from "node:child_process";
import { refuseUnbuildable } from "../image-builder/architecture";
import { type CommandError, type ExecOptions, exec } from "../lib/exec";
import { deferInterrupts } from "../lib/interrupts";
import { repositoryRoot } from "../lib/paths";
import { recordUrls } from "../local/urls";
import { buildsImages, nodeArchitecture } from "./node-architecture";
import { policyPackArgs } from "./policy-pack";
import { connect } from "./stack-cluster";
import { exportState, type Recorded } from "./state";
import { type UpdatePlan, updateArgs } from "./update-plan";

/**
 * Makes the stack in the user's backend if there is none.
 * @returns what Pulumi has recorded of it
 * @throws if its cluster is unreachable, or cannot run what is built here; nothing has been changed by then
 */
export async function selectUserStack(stack: string): Promise<Recorded[]> {
  const cluster = connect(stack);
  await cluster.api("/version");
  if (buildsImages(stack)) await refuseUnbuildable(await nodeArchitecture(cluster));
  await userPulumi("stack", "select", "--create", stack);
  return exportState<Recorded>(userPulumiOutput, stack);
}

/**
 * `pulumi up` of a stack on the user's cluster, with the user's Pulumi and backend.
 * @param isPlatform whether it holds the platform, and not environments alone
 */
export async function upWithUserPulumi(stack: string, isPlatform: boolean, plan: UpdatePlan): Promise<void> {
  const answers = process.stdin.isTTY ? [] : ["--yes", "--skip-preview"];
  await userPulumiWith(plan.env, "up", ...answers, ...updateArgs(plan), "--stack", stack);
  recordUrls(
    JSON.parse(await userPulumiOutput("stack", "output", "urls", "--json", "--stack", stack)) as Record<string, string>,
    isPlatform,
  );
}

/** Whether the user's backend has the stack. */
export async function userStackExists(stack: string): Promise<boolean> {
  try {
    await userPulumiOutput("stack", "--show-name", "--stack", stack);
    return true;
  } catch (error) {
    if (isUnknownStack(error as CommandError)) return false;
    throw (error as CommandError).code === null ? notInstalled() : error;
  }
}

/** `pulumi destroy` of such a stack. Pulumi asks first, since the cluster is the user's. */
export async function destroyWithUserPulumi(stack: string): Promise<void> {
  await userPulumi("destroy", "--stack", stack);
}

/**
 * `pulumi preview` of such a stack, with the policy pack and without questions.
 * @param onLine gets each line of the output; nothing else shows it
 */
export async function previewWithUserPulumi(
  stack: string,
  args: string[],
  { env, onLine }: Pick<ExecOptions, "env" | "onLine">,
): Promise<void> {
  const command = ["preview", ...policyPackArgs(false), "--stack", stack, "--non-interactive", ...args];
  await deferInterrupts(exec("pulumi", command, { cwd: repositoryRoot, env, onLine })).catch((error: CommandError) => {
    throw error.stderr.includes("ENOENT") ? notInstalled() : failed("preview");
  });
}

/**
 * The same as JSON, line by line.
 * @throws CommandError if it fails or a policy is violated, and Error if there is no such stack yet
 */
export async function jsonPreviewWithUserPulumi(
  stack: string,
  args: string[],
  options: Pick<ExecOptions, "env" | "onLine">,
): Promise<void> {
  await exec("pulumi", ["preview", "--stack", stack, "--non-interactive", ...args], {
    cwd: repositoryRoot,
    ...options,
  }).catch((error: CommandError) => {
    if (error.stderr.includes("ENOENT")) throw notInstalled();
    if (isUnknownStack(error)) throw noStack(stack);
    throw error;
  });
}

const isUnknownStack = ({ stderr }: CommandError): boolean => /^error: no stack named /m.test(stderr);

const noStack = (stack: string) =>
  new Error(
    `there is no stack ${stack} to compare with yet: ` +
      `make it with pulumi stack init ${stack}, and commit what that writes to Pulumi.${stack}.yaml`,
  );

const failed = (command: string) =>
  new Error(`pulumi ${command} failed: fix what it names above, then run this again.`);

const notInstalled = () =>
  new Error(
    "pulumi is not installed: " +
      "install it from https://www.pulumi.com/docs/install, log in to your backend, then run this again.",
  );

/** @throws if Pulumi is not installed, or not logged in */
export async function requireUserPulumi(): Promise<void> {
  await userPulumiOutput("whoami").catch((error: CommandError) => {
    throw error.code === null ? notInstalled() : error;
  });
}

/** Runs the user's Pulumi without questions. @returns its standard output */
export const userPulumiOutput = (...args: string[]): Promise<string> =>
  exec("pulumi", [...args, "--non-interactive"], { cwd: repositoryRoot });

/** Runs the user's Pulumi on the terminal. */
export const userPulumi = (...args: string[]): Promise<void> => userPulumiWith({}, ...args);

async function userPulumiWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<void> {
  const child = spawn("pulumi", args, { cwd: repositoryRoot, env: { ...process.env, ...env }, stdio: "inherit" });
  const code = await deferInterrupts(
    new Promise<number | null>((resolve, reject) => {
      child.once("close", resolve);
      child.once("error", () => reject(notInstalled()));
    }),
  );
  if (code !== 0) throw failed(args[0]);
}
