import { currentStack, readStackFile } from "../config";
import { readLocalImages } from "../local/toolchain/third-party-images";
import { localStack } from "../stacks/local-settings";
import { localValues, preview } from "../stacks/local-stack";
import { policyPackArgs } from "../stacks/policy-pack";
import { previewWithUserPulumi } from "../stacks/user-pulumi";

/** Previews the stack with the policy pack. Further arguments are Pulumi's. */
async function main(): Promise<void> {
  const stack = currentStack();
  const { file, isLocal } = readStackFile(stack);
  const args = process.argv.slice(2);
  if (!isLocal) return previewWithUserPulumi(stack, args);
  await preview(stack, localStack(file, localValues(readLocalImages())), [...policyPackArgs(isLocal), ...args]);
}

main().catch((error: Error) => {
  console.error(`\n${error.message}`);
  process.exit(1);
});
