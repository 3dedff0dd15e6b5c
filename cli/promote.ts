import { parseArgs } from "node:util";
import { type ApprovalRule, parseApprovalRules } from "../client/approvals";
import { environmentsOf, requireParameters } from "../client/environments";
import { checkPromotionPath, promotionParameters } from "../client/promotion";
import { duration } from "../lib/duration";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";
import { submitAndFollow } from "./train";

const usage = `Usage: npm run promote -- <version> <source> <target> [--emergency "<why>"], as in:
       npm run promote -- 5 canary production

Promotes the version that runs in the source environment to the next environment. Where the stack asks for approvals, it
waits for people first. With --emergency the calendar does not count, and people have to approve it. Exit code 0: the
target serves it. 1: a rule or a person forbids it. 2: something failed.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false }, emergency: { type: "string" } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 3) throw new Error(usage.split("\n\n")[0]);
  const [version, source, target] = positionals;
  const parameters = promotionParameters(version, source, target, values.emergency);
  const cluster = connect();
  return submitAndFollow(cluster, "promote-model", async () => {
    const pipeline = await requireParameters(cluster);
    checkPromotionPath(environmentsOf(pipeline), source, target);
    const rule = parseApprovalRules(pipeline)[target];
    if (rule) console.log(describeRule(target, parameters["model-version"], rule));
    return parameters;
  });
}

/** What a person who promotes waits for. */
function describeRule(target: string, version: string, { minimum, expirySeconds }: ApprovalRule): string {
  const people = minimum === 1 ? "another person approves" : `${minimum} people approve`;
  const command = `npm run approve -- ${version} ${target} --message "<why>"`;
  return `Waits up to ${duration(expirySeconds)} until ${people} it: ${command}`;
}

if (require.main === module) runMain(main, 2);
