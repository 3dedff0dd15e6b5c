import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentStack, readStackFile } from "../config";
import { runMain } from "../lib/main";
import { recordedListen } from "../local/cluster/listen";
import { readLocalImages } from "../local/toolchain/third-party-images/images-file";
import { localStack } from "../stacks/local-settings";
import { localValues, preview } from "../stacks/local-stack";
import { policyPackArgs } from "../stacks/policy-pack";
import { previewWithUserPulumi } from "../stacks/user-pulumi";
import { allowFlag, dataLossLine, isRefused } from "./review/data-loss";
import { parseEvents } from "./review/events";
import { outputRedactor } from "./review/redact-output";
import { volumeSizeErrors } from "./review/volume-size";

const usage = `Usage: npm run policy -- [${allowFlag}] [<options of pulumi preview>]

Previews the stack that GOURMETGRAM_STACK names, default staging, with the policy pack. The output is Pulumi's.
Exit code 1: a mandatory policy is violated, the preview failed, or the update loses data or gives a volume a size that
it cannot take. With ${allowFlag}, a loss of data is named and no reason for 1.`;

/**
 * Previews the stack with the policy pack, and refuses an update that loses data. Arguments other than the flag that
 * allows it are Pulumi's. So is the output, less the secrets in it.
 */
async function main(): Promise<number> {
  const given = process.argv.slice(2);
  if (given.includes("--help") || given.includes("-h")) {
    console.log(usage);
    return 0;
  }
  const pulumiArgs = given.filter((argument) => argument !== allowFlag);
  let refused = false;
  const directory = mkdtempSync(join(tmpdir(), "gourmetgram-policy-"));
  const eventLog = join(directory, "events.jsonl");
  // A policy sees what the program declares, and not what is deleted. That is read off the engine's events, which the
  // CLI writes to a file beside its own output. It has the flag for this only with its debug commands.
  process.env.PULUMI_DEBUG_COMMANDS = "true";
  try {
    await policyPreview(currentStack(), ["--event-log", eventLog, ...pulumiArgs]);
  } finally {
    const lines = existsSync(eventLog) ? readFileSync(eventLog, "utf8").split("\n") : [];
    const events = parseEvents(lines);
    const loss = dataLossLine(events);
    for (const line of [...volumeSizeErrors(events), ...(loss ? [loss] : [])]) console.log(`\n${line}`);
    refused = isRefused(events, given.includes(allowFlag));
    rmSync(directory, { recursive: true });
  }
  return refused ? 1 : 0;
}

async function policyPreview(stack: string, args: string[]): Promise<void> {
  const { file, isLocal } = readStackFile(stack);
  const withoutSecrets = outputRedactor();
  const onLine = (line: string) => console.log(withoutSecrets(line));
  if (!isLocal) return previewWithUserPulumi(stack, args, { onLine });
  const settings = localStack(file, localValues(readLocalImages(), recordedListen()));
  await preview(stack, settings, [...policyPackArgs(isLocal), ...args], { onLine });
}

runMain(main);
