import { readStackFile } from "../config";
import { CommandError } from "../lib/exec";
import { readLocalImages } from "../local/toolchain/third-party-images";
import { PulumiError } from "./local-pulumi";
import { localStack } from "./local-settings";
import { localValues, preview } from "./local-stack";
import { policyPackArgs } from "./policy-pack";
import { connect } from "./stack-cluster";
import { jsonPreviewWithUserPulumi } from "./user-pulumi";

/** What the engine says of a stack. */
export interface Preview {
  /** Lines of the CLI's output: the engine's events as JSON, and what it has to say besides. */
  readonly lines: readonly string[];
  /** What could not be checked, a sentence each. */
  readonly unchecked: readonly string[];
}

/**
 * `pulumi preview` of a stack, through the CLI, the backend and the stack file that `npm start` uses. Neither the
 * cluster nor the state is written to. That it fails is told by the events.
 * @param refresh whether the cluster as it is now is compared, and not the state; it is read and asked nothing else
 * @throws where the stack file, the stack, the CLI or, to refresh, the cluster isn't there
 */
export async function previewStack(stack: string, { refresh }: { refresh: boolean }): Promise<Preview> {
  const { file, isLocal } = readStackFile(stack);
  const unreachable = await reach(stack);
  if (unreachable && refresh) throw new Error(`the stack ${stack} can't be compared with its cluster: ${unreachable}`);
  const stateOnly =
    unreachable ??
    (process.env.PULUMI_DISABLE_PROVIDER_PREVIEW === "true" ? "PULUMI_DISABLE_PROVIDER_PREVIEW is set" : undefined);

  const lines: string[] = [];
  const args = ["--json", "--color", "never", ...(refresh ? ["--refresh"] : policyPackArgs(isLocal))];
  const options = {
    onLine: (line: string) => lines.push(line),
    // To try a change on the API server takes the right to make it: whoever may only read leaves that out.
    env: {
      PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true",
      ...(stateOnly || refresh ? { PULUMI_DISABLE_PROVIDER_PREVIEW: "true" } : {}),
    },
  };
  const work = isLocal
    ? preview(stack, localStack(file, localValues(readLocalImages())), args, options)
    : jsonPreviewWithUserPulumi(stack, args, options);
  await work.catch((error: Error) => {
    if (!(error instanceof PulumiError) && !(error instanceof CommandError)) throw error;
  });
  return {
    lines,
    unchecked:
      stateOnly && !refresh
        ? [`compared with Pulumi's state alone, and no API server has looked at the change: ${stateOnly}`]
        : [],
  };
}

/** Why the cluster can't be reached, or undefined where it can. */
async function reach(stack: string): Promise<string | undefined> {
  try {
    await connect(stack).api("/version");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
