import { parseArgs } from "node:util";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";
import { readEnvironments } from "./environments";
import { submitAndFollow } from "./train";

const usage = `Usage: npm run promote -- <version> <source> <target>, as in: npm run promote -- 5 canary production

Promotes the version that runs in the source environment to the one that follows it. Exit code 0: the target
serves it. 1: a rule forbids it. 2: something broke.`;

/** Number of a model version, from `5` or `1.0.5`. @throws for anything else */
export function modelVersion(text: string): string {
  const number = /^(?:1\.0\.)?([1-9][0-9]{0,8})$/.exec(text)?.[1];
  if (!number) throw new Error(`"${text}" is no model version: write its number, as in 5 or 1.0.5`);
  return number;
}

/** @throws where the target does not follow on the source */
export async function checkPromotion(cluster: Cluster, source: string, target: string): Promise<void> {
  const environments = await readEnvironments(cluster);
  const pairs = environments.slice(1).map((next, index) => `${environments[index]} ${next}`);
  if (!pairs.includes(`${source} ${target}`))
    throw new Error(`there is no promotion from ${source} to ${target}: write ${pairs.join(", or ")}`);
}

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
