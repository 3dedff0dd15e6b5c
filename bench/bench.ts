/**
 * Measures the pipeline on the running local cluster. Figures to compare are measured in turn, A B A B …, in one run.
 * Quote the ratios, since machines differ.
 */

import { readStatus } from "../cli/status";
import { pipelineRunWorkflows } from "../cli/workflows";
import { runMain } from "../lib/main";
import { table } from "../lib/table";
import { connect } from "../stacks/stack-cluster";
import { appHead, appUnderLoad } from "./app";
import { compareBuilds } from "./builds";
import { deployTimes, peakMemory } from "./deploys";
import { leadTime } from "./lead-time";
import { growingPreviews, previewHead, unchangedPreviews } from "./previews";
import { pulumiTimes } from "./pulumi-times";
import { trainAndFollow } from "./train";

async function main(): Promise<number> {
  const cluster = connect();
  const print = (title: string, rows: string[][], head = ["", "MEDIAN", "MIN", "MAX"]) =>
    console.log(`\n${title}\n${table(head, rows)}`);

  console.log("Training two models, so that deployments can alternate between them ...");
  const pipelineRuns = [await trainAndFollow(cluster), await trainAndFollow(cluster)];
  const split = await Promise.all(
    pipelineRuns.map(async (pipelineRun) => leadTime(await pipelineRunWorkflows(cluster, pipelineRun))),
  );
  print(
    "Lead time, submit to promotion, in seconds",
    (["total", "training", "gates", "everything else"] as const).map((part) => [
      part,
      ...split.map((leadTimes) => leadTimes[part].toFixed(1)),
    ]),
    ["", "FIRST", "SECOND"],
  );

  const [newest] = (await readStatus(cluster)).models;
  print("A model image, in seconds", await compareBuilds(cluster, newest.version));
  print("Deploy to staging, patch to serving, in seconds", [await deployTimes(cluster)]);
  print("The app under clients that ask without a pause", await appUnderLoad(cluster), appHead);
  print("Peak memory of each environment's pod, in MiB", await peakMemory(cluster), ["", "PEAK", "LIMIT"]);
  print("pulumi up, in seconds", await pulumiTimes(), ["", "SECONDS", "CHANGES"]);
  print("pulumi preview without changes, in seconds", await unchangedPreviews(), previewHead);
  print("pulumi preview with further environments, in seconds", await growingPreviews(), previewHead);
  return 0;
}

runMain(main);
