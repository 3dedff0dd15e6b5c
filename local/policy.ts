import { readLocalImages } from "./images";
import { previewWithOwnPulumi } from "./own-pulumi";
import { policyPackArgs } from "./policy-pack";
import { localValues, preview, readStackFile } from "./stack";
import { localStack } from "./stack-config";

/** Previews the stack with the policy pack. Further arguments are Pulumi's. */
async function main(): Promise<void> {
  const stack = process.env.GOURMETGRAM_STACK ?? "staging";
  const { file, isLocal } = readStackFile(stack);
  const args = process.argv.slice(2);
  if (!isLocal) return previewWithOwnPulumi(stack, args);
  await preview(stack, localStack(file, localValues(readLocalImages())), [...policyPackArgs(isLocal), ...args]);
}

main().catch((error: Error) => {
  console.error(`\n${error.message}`);
  process.exit(1);
});
