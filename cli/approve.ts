import { parseArgs } from "node:util";
import { listApprovals, type ResponseAction, respond, waitingApproval } from "../client/approvals";
import { modelVersion } from "../client/promotion";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";

const usage = `Usage: npm run approve -- <version> [<target>] --message "<why>"
       npm run reject -- <version> [<target>] --message "<why>"

Approves or rejects a promotion that waits for people, as in: npm run approve -- 5 production --message "looks good"
The API server knows who you are, and decides whether you may. With --reject, it is rejected.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      reject: { type: "boolean", default: false },
      message: { type: "string", short: "m" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length < 1 || positionals.length > 2 || values.message === undefined)
    throw new Error(usage.split("\n\n")[0]);
  const [version, target] = positionals;
  const cluster = connect();
  const action: ResponseAction = values.reject ? "reject" : "approve";
  const name = `1.0.${modelVersion(version)}`;
  const answer = { user: await cluster.username(), action };
  const approval = waitingApproval(await listApprovals(cluster), answer, name, target);
  await respond(cluster, approval.name, action, values.message);
  const done = action === "approve" ? "approved" : "rejected";
  console.log(`You ${done} the promotion of ${approval.version} to ${approval.target}.`);
  return 0;
}

if (require.main === module) runMain(main);
