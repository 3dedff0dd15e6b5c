import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCluster } from "../config";
import { previewWithOwnPulumi } from "./own-pulumi";
import { localContext, repositoryRoot } from "./paths";
import { preview, stackExists } from "./stack";

/** Previews the stack with the policy pack. Further arguments are Pulumi's. */
async function main(): Promise<void> {
  const stack = process.env.GOURMETGRAM_STACK ?? "staging";
  const name = `Pulumi.${stack}.yaml`;
  if (!existsSync(join(repositoryRoot, name))) throw new Error(`There is no stack file ${name}: name another stack in GOURMETGRAM_STACK, or write that file.`);
  const args = process.argv.slice(2);
  if (parseCluster(readFileSync(join(repositoryRoot, name), "utf8")).context !== localContext) return previewWithOwnPulumi(stack, args);
  if (!stackExists(stack)) throw new Error("There is no local cluster: run npm start first.");
  await preview(stack, args);
}

main().catch((error: Error) => {
  console.error(`\n${error.message}`);
  process.exit(1);
});
