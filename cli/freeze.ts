import { parseArgs } from "node:util";
import { checkReason, freeze, unfreeze } from "../client/freeze";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run freeze -- "<why>"
       npm run unfreeze [-- "<why>"]

Stops all promotions, or allows them again. Models are still trained and tested, and reverts still run.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, off: { type: "boolean" } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const why = positionals.join(" ");
  const reason = values.off && why === "" ? "no longer needed" : checkReason(why);
  console.log(await (values.off ? unfreeze : freeze)(connect(), reason));
  return 0;
}

if (require.main === module) runMain(main);
