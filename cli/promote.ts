import { parseArgs } from "node:util";
import { checkPromotion, modelVersion } from "../client/promotion";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";
import { submitAndFollow } from "./train";

const usage = `Usage: npm run promote -- <version> <source> <target>, as in: npm run promote -- 5 canary production

Promotes the version that runs in the source environment to the next environment. Exit code 0: the target serves it.
1: a rule forbids it. 2: something failed.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 3) throw new Error(usage.split("\n")[0]);
  const [version, source, target] = positionals;
  const parameters = {
    "model-version": modelVersion(version),
    "source-environment": source,
    "target-environment": target,
  };
  const cluster = connect();
  await checkPromotion(cluster, source, target);
  return submitAndFollow(cluster, "promote-model", parameters);
}

if (require.main === module) runMain(main, 2);
