import { parseArgs } from "node:util";
import {
  allFinished,
  deletedOutcome,
  goesOn,
  lostOutcome,
  type Outcome,
  type PipelineRunEvent,
  pipelineRunEvents,
  pipelineRunOutcome,
} from "../client/pipeline-run";
import { pipelineRunWorkflows, submit, type Workflow } from "../client/workflows";
import { scenarios } from "../images/model";
import { sayIfInterrupted } from "../lib/interrupts";
import type { Cluster } from "../lib/kube-client";
import { runMain } from "../lib/main";
import { patiently, usualPatience, waitLine } from "../lib/patience";
import { connect } from "../stacks/stack-cluster";
import { followTrainingLog } from "./training-log";

const usage = `Usage: npm run train -- [${scenarios.join("|")}]

Trains a model and follows it to its end. Exit code 0: the model was promoted. 1: it was turned away or held.
2: something failed.`;

/**
 * Submits a workflow template and follows it to its end.
 * @param prepare finds out its parameters
 * @returns the exit code
 */
export async function submitAndFollow(
  cluster: Cluster,
  template: string,
  prepare: () => Promise<Record<string, string>>,
): Promise<number> {
  const name = await submitAloud(cluster, template, prepare);
  const { exitCode, word, sentence } = await follow(cluster, name);
  console.log(`\n${word}: ${sentence}`);
  return exitCode;
}

/** Submits a workflow template. On Ctrl-C it says whether anything was started. @returns its pipeline run */
export function submitAloud(
  cluster: Cluster,
  template: string,
  prepare: () => Promise<Record<string, string>>,
): Promise<string> {
  let sent: string | undefined;
  const onSend = (name: string) => {
    sent = name;
  };
  const onWait = (reason: string) => console.log(waitLine(reason));
  const submitted = async () => submit(cluster, template, await patiently(prepare, onWait), { onSend, onWait });
  const interruption = () =>
    sent ? `It is not known whether ${sent} was started: run npm run status.` : "Nothing was started.";
  return sayIfInterrupted(interruption, submitted());
}

/**
 * Prints the events of a pipeline run as they happen. An API server that is unreachable for some seconds is waited for.
 * On Ctrl-C it says that the run goes on without the command.
 * @param begun when it was submitted, in milliseconds since the epoch
 * @returns its outcome
 * @throws if the API server stays unreachable, or gives an answer that waiting does not change
 */
export async function follow(
  cluster: Cluster,
  pipelineRun: string,
  begun = Date.now(),
  patience = usualPatience,
): Promise<Outcome> {
  const { bound, interval } = patience;
  const printed = new Set<string>();
  const log = followTrainingLog(cluster, pipelineRun, (text) =>
    console.log(`${clock(Date.now() - begun)}      ${text}`),
  );
  const read = () =>
    patiently(
      () => pipelineRunWorkflows(cluster, pipelineRun),
      (reason) => console.log(`${clock(Date.now() - begun)} ${waitLine(reason, bound)}`),
      patience,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${pipelineRun} is no longer followed. It may continue: run npm run status`);
    });
  const latest = new Map<string, Workflow>();
  const toItsEnd = async (): Promise<Outcome> => {
    let endedAt: number | undefined;
    for (;;) {
      const workflows = await read();
      for (const event of pipelineRunEvents(workflows)) {
        if (printed.has(event.key)) continue;
        printed.add(event.key);
        console.log(eventLine(event, begun));
      }
      const outcome = deletedOutcome(pipelineRun, [...latest.values()], workflows) ?? pipelineRunOutcome(workflows);
      if (outcome) return outcome;
      for (const workflow of workflows) latest.set(workflow.metadata.name, workflow);
      // The Workflow that train-model starts exists before train-model ends.
      endedAt = allFinished(workflows) ? (endedAt ?? Date.now()) : undefined;
      if (endedAt !== undefined && Date.now() - endedAt >= bound) return lostOutcome(pipelineRun);
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  };
  return sayIfInterrupted(() => goesOn(pipelineRun, [...latest.values()], cluster.kubectl), toItsEnd()).finally(
    log.stop,
  );
}

const failureMark = "✗";
const marks: Record<string, string> = { Running: "▶", Succeeded: "✓", Omitted: "–", Skipped: "–" };

function eventLine({ at, depth, name, phase, seconds, detail }: PipelineRunEvent, begun: number): string {
  const mark = marks[phase] ?? failureMark;
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
  if (!(scenarios as readonly string[]).includes(scenario) || rest.length > 0)
    throw new Error(`"${positionals.join(" ")}" is not a training scenario: write one of ${scenarios.join(", ")}`);
  return submitAndFollow(connect(), "train-model", async () => ({ scenario }));
}

if (require.main === module) runMain(main, 2);
