import { parseArgs } from "node:util";
import { output } from "../client/pipeline-run";
import { pipelineRunWorkflows } from "../client/workflows";
import { runMain } from "../lib/main";
import { patiently, waitLine } from "../lib/patience";
import { connect } from "../stacks/stack-cluster";
import { follow, submitAloud } from "./train";

const usage = `Usage: npm run collect [-- --dry-run]

Deletes the images and files of the model versions that nothing keeps, and says why the others stay. Deletes old
trainings that have no version. It waits until no model is tested or promoted. With --dry-run it only says what it would
delete. Exit code 0: done. 2: something failed, or could not be read: nothing is deleted then of which it is not certain
that nobody needs it.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const cluster = connect();
  const name = await submitAloud(cluster, "collect-old-versions", async () => ({
    "dry-run": values["dry-run"] ? "yes" : "no",
  }));
  const { exitCode, word, sentence } = await follow(cluster, name);
  const [workflow] = await patiently(
    () => pipelineRunWorkflows(cluster, name),
    (reason) => console.log(waitLine(reason)),
  );
  const plan = workflow && output(workflow, "plan");
  if (plan) console.log(`\n${plan}`);
  console.log(`\n${word}: ${sentence}`);
  return exitCode;
}

if (require.main === module) runMain(main, 2);
