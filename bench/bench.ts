/**
 * Measures the pipeline on the running local cluster. Figures to compare are measured in turn, A B A B …, in one run.
 * Quote the ratios, since machines differ.
 */

import { readStatus } from "../client/pipeline-status";
import { pipelineRunWorkflows } from "../client/workflows";
import { runMain } from "../lib/main";
import { table } from "../lib/table";
import { connect } from "../stacks/stack-cluster";
import { appHead, appUnderLoad } from "./app";
import { boardFigures, largeWords, pageTimes } from "./board";
import { compareBuilds } from "./builds";
import { deployTimes, peakMemory } from "./deploys";
import { abortHead, abortTime, gatewayHead, gatewayOverhead, watchingMemory } from "./gateway";
import { growth, growthBar, growthHead, overGrowthBar } from "./growth";
import { leadTime } from "./lead-time";
import { hostilePictures, picturesHead } from "./pictures";
import { growingPreviews, previewHead, unchangedPreviews } from "./previews";
import { pulumiTimes } from "./pulumi-times";
import { overRegistryBar, registryBar, registryGrowth, registryHead } from "./registry";
import { scrapeCost, scrapeHead } from "./scrape";
import { trainAndFollow } from "./train";

const medians = ["", "MEDIAN", "MIN", "MAX"];

function print(title: string, rows: string[][], head = medians): void {
  console.log(`\n${title}\n${table(head, rows)}`);
}

/** Names of the rows that are over the bar of their table. */
const over: string[] = [];

/** Each prints one table or more. Those from `builds` to `gateway` need two models: `train` makes them. */
const sections: Record<string, () => Promise<void>> = {
  async growth() {
    const rows = await growth();
    print(`What a command or a step waits for MLflow, in ms; the bar is ${growthBar} times`, rows, growthHead);
    over.push(...overGrowthBar(rows));
  },
  async registry() {
    const rows = await registryGrowth();
    const title = "The registry's folder, where as many versions are kept of few as of many";
    print(`${title}; the bar for the size after collection is ${registryBar} times`, rows, registryHead);
    over.push(...overRegistryBar(rows));
  },
  async app() {
    const title = "The app under clients, before it had a listener of its own and today";
    print(title, await appUnderLoad(), appHead);
  },
  async pictures() {
    print("The app under hostile pictures; the bar is 200 MiB", await hostilePictures(), picturesHead);
  },
  async scrape() {
    print("A scrape of the app's metrics", await scrapeCost(), scrapeHead);
  },
  async train() {
    console.log("Training two models, so that deployments can alternate between them ...");
    const cluster = connect();
    const pipelineRuns = [await trainAndFollow(cluster), await trainAndFollow(cluster)];
    const split = await Promise.all(
      pipelineRuns.map(async (pipelineRun) => leadTime(await pipelineRunWorkflows(cluster, pipelineRun))),
    );
    const parts = ["total", "training", "gates", "everything else"] as const;
    const rows = parts.map((part) => [part, ...split.map((leadTimes) => leadTimes[part].toFixed(1))]);
    print("Lead time, submit to promotion, in seconds", rows, ["", "FIRST", "SECOND"]);
  },
  async builds() {
    const [newest] = (await readStatus(connect())).models;
    print("A model image, in seconds", await compareBuilds(connect(), newest.version));
  },
  async deploys() {
    print("Deploy to staging, patch to serving, in seconds", [await deployTimes(connect())]);
  },
  async gateway() {
    print("An answer through the gateway and without it", await gatewayOverhead(connect()), gatewayHead);
    print("From the change that takes canary's users away", await abortTime(connect()), abortHead);
    print("Memory of the gateway and of the monitoring, in MiB", await watchingMemory(connect()), ["POD", "MEMORY"]);
  },
  async board() {
    const { sizes, times } = await boardFigures();
    print("The board's page, in kB as its server sends it; the bar is 300", sizes, ["", "KB"]);
    print(`The board with ${largeWords}, in ms; the bars are 200 for the list and 16.7 for a frame`, times);
  },
  async paint() {
    print("The board's page on the cluster, in ms", await pageTimes((await readStatus(connect())).urls.board));
  },
  async memory() {
    print("Peak memory of each environment's pod, in MiB", await peakMemory(connect()), ["", "PEAK", "LIMIT"]);
  },
  async up() {
    print("pulumi up, in seconds", await pulumiTimes(), ["", "SECONDS", "CHANGES"]);
  },
  async previews() {
    print("pulumi preview without changes, in seconds", await unchangedPreviews(), previewHead);
    print("pulumi preview with further environments, in seconds", await growingPreviews(), previewHead);
  },
};

const usage = `Usage: npm run bench [-- <section> ...]

Measures the running local cluster, or only these sections: ${Object.keys(sections).join(", ")}.
app, board, growth, pictures, registry and scrape need no cluster.
Exit code 1: something is over the bar that its table names.`;

async function main(): Promise<number> {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !(name in sections));
  if (unknown.length > 0) {
    console.log(usage);
    return unknown.every((name) => name === "--help" || name === "-h") ? 0 : 2;
  }
  for (const name of names.length > 0 ? names : Object.keys(sections)) await sections[name]();
  if (over.length > 0) console.error(`\nOver the bar: ${over.join(", ")}`);
  return over.length > 0 ? 1 : 0;
}

runMain(main);
