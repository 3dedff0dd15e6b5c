import { parseArgs } from "node:util";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { connect } from "../stacks/stack-cluster";
import { type Outcome, type PipelineRunEvent, pipelineRunEvents, pipelineRunOutcome } from "./pipeline-run";
import { followTrainingLog } from "./training-log";
import { chainWorkflows, submit } from "./workflows";

const scenarios = ["normal", "bad-architecture", "oversized", "slow", "flaky"];
const usage = `Usage: npm run train -- [${scenarios.join("|")}]

Trains a model and follows it to its end. Exit code 0: it was promoted. 1: it was turned away, or held. 2: something broke.`;

/** How often the chain is looked at, in milliseconds: what people see lags by no more. */
const interval = 1000;

/** Submits a workflow template and follows it to its end. @returns the exit code */
export async function submitAndFollow(
  cluster: Cluster,
  template: string,
  parameters: Record<string, string>,
): Promise<number> {
  const begun = Date.now();
  const { exitCode, word, sentence } = await follow(cluster, await submit(cluster, template, parameters), begun);
  console.log(`\n${word}: ${sentence}`);
  return exitCode;
}

/**
 * Prints a chain as it happens, and hands out what became of it.
 * @param begun when the chain was submitted, in milliseconds since the epoch
 */
export async function follow(cluster: Cluster, chain: string, begun = Date.now()): Promise<Outcome> {
  const printed = new Set<string>();
  const log = followTrainingLog(cluster, chain, (line) => console.log(`${clock(Date.now() - begun)}      ${line}`));
  try {
    for (;;) {
      const workflows = await chainWorkflows(cluster, chain);
      for (const event of pipelineRunEvents(workflows)) {
        if (printed.has(event.key)) continue;
        printed.add(event.key);
        console.log(line(event, begun));
      }
      const outcome = pipelineRunOutcome(workflows);
      if (outcome) return outcome;
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  } finally {
    log.stop();
  }
}

function line({ at, depth, name, phase, seconds, detail }: PipelineRunEvent, begun: number): string {
  const mark =
    phase === "Running" ? "▶" : phase === "Succeeded" ? "✓" : phase === "Omitted" || phase === "Skipped" ? "–" : "✗";
  const took = seconds === undefined ? "" : ` ${seconds.toFixed(0)} s`;
  return `${clock(at - begun)} ${depth ? "    " : ""}${mark} ${name}${took}${detail ? `  ${detail}` : ""}`;
}

function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, "0")}`;
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
  const [scenario = "normal", ...rest] = positionals;
  if (!scenarios.includes(scenario) || rest.length > 0)
    throw new Error(`"${positionals.join(" ")}" is no training scenario: write one of ${scenarios.join(", ")}`);
  return submitAndFollow(connect(), "train-model", { scenario });
}

if (require.main === module) runMain(main, 2);
