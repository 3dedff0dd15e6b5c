import { parseSettings, readStackFile, type StackFile, settingsOf } from "../config";
import { CommandError } from "../lib/exec";
import { recordedListen } from "../local/cluster/listen";
import { readLocalImages } from "../local/toolchain/third-party-images/images-file";
import { PulumiError } from "./local-pulumi";
import { localStack } from "./local-settings";
import { localValues, preview } from "./local-stack";
import { policyPackArgs } from "./policy-pack";
import { connect } from "./stack-cluster";
import { type UpdatePlan, updateArgs } from "./update-plan";
import { jsonPreviewWithUserPulumi } from "./user-pulumi";

/** The outcome of a preview. */
export interface Preview {
  /** Lines of the CLI's output: the engine's events as JSON, and the CLI's own messages. */
  readonly lines: readonly string[];
  /** What could not be checked, a sentence each. */
  readonly unchecked: readonly string[];
}

/**
 * `pulumi preview` of a stack, with the CLI, the backend and the stack file that `npm start` uses. Neither the cluster
 * nor the state changes. If the preview fails, its events say so.
 * @param refresh whether the program is compared with the cluster, which is then only read, and not with the state
 * @throws ConfigurationError with every mistake of a local stack's file, before Pulumi loads its plugins; Error if the
 *   stack file, the stack or the CLI is missing, or if a cluster to compare with is unreachable
 */
export async function previewStack(stack: string, { refresh }: { refresh: boolean }): Promise<Preview> {
  const { isLocal, file } = readStackFile(stack);
  if (isLocal) parseSettings(settingsOf(localSettings(file)));
  const unreachable = await unreachableReason(stack);
  if (unreachable && refresh) throw new Error(`the stack ${stack} can't be compared with its cluster: ${unreachable}`);
  const providersDisabled = process.env.PULUMI_DISABLE_PROVIDER_PREVIEW === "true";
  const stateOnlyReason = unreachable ?? (providersDisabled ? "PULUMI_DISABLE_PROVIDER_PREVIEW is set" : undefined);

  const args = refresh ? ["--refresh"] : policyPackArgs(isLocal);
  // The API server tries a change only for somebody who may make it. Readers leave that out.
  const env = stateOnlyReason || refresh ? { PULUMI_DISABLE_PROVIDER_PREVIEW: "true" } : {};
  return {
    lines: await jsonPreview(stack, args, env),
    unchecked:
      stateOnlyReason && !refresh
        ? [`compared with Pulumi's state alone, and no API server has checked the change: ${stateOnlyReason}`]
        : [],
  };
}

/**
 * The preview of an update that is about to be made, by the same plan. It takes no policies into account.
 * @param settings those of a local stack; default with what the last start has recorded
 * @returns the lines of the CLI's output
 */
export const previewUpdate = (stack: string, plan: UpdatePlan, settings?: StackFile): Promise<string[]> =>
  jsonPreview(stack, updateArgs(plan), plan.env, settings);

/** A preview with the engine's events as JSON, line by line. If it fails, its events say so. */
async function jsonPreview(
  stack: string,
  more: readonly string[],
  env: NodeJS.ProcessEnv,
  settings?: StackFile,
): Promise<string[]> {
  const { file, isLocal } = readStackFile(stack);
  const lines: string[] = [];
  const args = ["--json", "--color", "never", ...more];
  const options = {
    onLine: (line: string) => lines.push(line),
    env: { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true", ...env },
  };
  const work = isLocal
    ? preview(stack, settings ?? localSettings(file), args, options)
    : jsonPreviewWithUserPulumi(stack, args, options);
  await work.catch((error: Error) => {
    if (!(error instanceof PulumiError) && !(error instanceof CommandError)) throw error;
  });
  return lines;
}

/** A local stack's file, with what the last start has recorded. */
const localSettings = (file: StackFile): StackFile =>
  localStack(file, localValues(readLocalImages(), recordedListen()));

/** Why the cluster is unreachable; undefined if it is reachable. */
async function unreachableReason(stack: string): Promise<string | undefined> {
  try {
    await connect(stack).api("/version");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
