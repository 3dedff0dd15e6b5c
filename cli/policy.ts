import { currentStack, readStackFile } from "../config";
import { runMain } from "../lib/main";
import { readLocalImages } from "../local/toolchain/third-party-images/images-file";
import { localStack } from "../stacks/local-settings";
import { localValues, preview } from "../stacks/local-stack";
import { policyPackArgs } from "../stacks/policy-pack";
import { previewWithUserPulumi } from "../stacks/user-pulumi";

/** Previews the stack with the policy pack. Further arguments are Pulumi's. */
async function main(): Promise<number> {
  const stack = currentStack();
  const { file, isLocal } = readStackFile(stack);
  const args = process.argv.slice(2);
  if (isLocal)
    await preview(stack, localStack(file, localValues(readLocalImages())), [...policyPackArgs(isLocal), ...args]);
  else await previewWithUserPulumi(stack, args);
  return 0;
}

runMain(main);
