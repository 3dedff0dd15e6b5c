import { parseArgs } from "node:util";
import { runMain } from "../lib/main";
import { moveResources } from "../stacks/move";

const usage = `Usage: npm run move -- <from> <to>, as in: npm run move -- staging canary

Moves what the file of the stack <to> describes out of the state of the stack <from>: its environments, and the platform
if the file has no \`platform\`. Nothing in the cluster changes. Update both stacks afterwards.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [from, to, ...rest] = positionals;
  if (!to || rest.length > 0 || from === to) throw new Error(usage.split("\n")[0]);
  const { names, sourceRemoved } = await moveResources(from, to);
  console.log(`Moved from ${from} to ${to}: ${names.join(", ")}. Nothing in the cluster has changed.`);
  if (sourceRemoved) console.log(`The stack ${from} was then empty, and was removed.`);
  return 0;
}

if (require.main === module) runMain(main);
