import { describeApproval } from "../client/approvals";
import { describeDataDrift } from "../client/data-drift";
import type { Figures } from "../client/figures";
import type { Live } from "../client/live";
import { type BriefStatus, describeLost, type EnvironmentStatus } from "../client/pipeline-status";
import { describeSplit } from "../client/traffic-split";
import { counted } from "../lib/counted";
import { duration } from "../lib/duration";
import { isTransient } from "../lib/kube-client";
import type { Screen } from "../lib/phases";
import { timestamp } from "../lib/timestamp";

/** Seconds between two looks: no more load than one person at the pages. */
const interval = 3;
/** The pipeline as a tree, a line each for what an environment runs, its gates, its pods, and what people met. */
export function renderLive({ status, running, figures }: Live, now: Date): string {
  const { environments, freeze, approvals, traffic, dataDrift } = status;
  const blocks = [
    timestamp(now),
    ...(freeze ? [`Promotions are frozen by ${freeze.who} since ${freeze.since}: ${freeze.why}`] : []),
    ...approvals.map(describeApproval),
    ...environments.map((environment) => branch(headOf(environment), leavesOf(environment, status, figures))),
    ...describeLost(environments),
    ...(traffic ? [describeSplit(traffic)] : []),
    ...(dataDrift ? [describeDataDrift(dataDrift)] : []),
    ...(status.mlflowProblem ? [`No verdicts: ${status.mlflowProblem}`] : []),
    ...(typeof figures === "string" ? [`No figures: ${figures}`] : []),
    running.length === 0
      ? "No Workflow runs."
      : branch(
          "Workflows",
          running.flatMap(({ name, since, steps }) => [
            `${name}  ${age(since, now)}`,
            ...steps.map((step) => `  ${step.name}  ${age(step.since, now)}`),
          ]),
        ),
  ];
  return blocks.join("\n");
}

const headOf = ({ name, version, health }: EnvironmentStatus): string =>
  `${name.padEnd(12)} ${version ?? "no model"}  ${health}`;

function leavesOf({ name, version, pods }: EnvironmentStatus, status: BriefStatus, figures: Live["figures"]): string[] {
  const verdicts = status.models.find((model) => model.version === version)?.verdicts ?? {};
  const gates = Object.entries(verdicts).map(([gate, { verdict }]) => `${gate} ${verdict}`);
  const leaf = (title: string, text: string) => `${title.padEnd(9)} ${text}`;
  return [
    ...(pods ? [leaf("pods", `${pods.ready} of ${pods.all} ready, ${counted(pods.restarts, "restart")}`)] : []),
    ...(gates.length > 0 ? [leaf("gates", gates.join(", "))] : []),
    ...(figures && typeof figures === "object" ? [leaf("people", describeFigures(figures[name]))] : []),
  ];
}

/** What people met in the last minute, in one line. */
export function describeFigures(figures: Figures | undefined): string {
  if (!figures?.rate) return "no requests in the last minute";
  const { rate, errors, p95, confidence } = figures;
  return [
    rate < 1 ? `${(rate * 60).toFixed(0)} requests/min` : `${rate.toFixed(rate < 10 ? 1 : 0)} requests/s`,
    ...(errors === null ? [] : [`errors ${(errors * 100).toFixed(1)} %`]),
    ...(p95 === null ? [] : [`p95 ${(p95 * 1000).toFixed(0)} ms`]),
    ...(confidence === null ? [] : [`confidence ${confidence.toFixed(2)}`]),
  ].join(", ");
}

function branch(head: string, leaves: string[]): string {
  return [head, ...leaves.map((leaf, index) => `${index === leaves.length - 1 ? "└─" : "├─"} ${leaf}`)].join("\n");
}

/** Time since a moment that the cluster names to the second. */
const age = (since: string, now: Date): string =>
  duration(Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000)));

/**
 * Shows what `look` sees, until `goesOn` says no: in place in a terminal, and block after block in a pipe or a log. The
 * API server or MLflow may be away for a while: it says so and looks again.
 * @throws an error of `look` that does not pass by itself
 */
export async function watch(
  look: () => Promise<string>,
  screen: Screen & { rows?: number } = process.stdout,
  goesOn: () => Promise<boolean> = () => new Promise((resolve) => setTimeout(() => resolve(true), interval * 1000)),
): Promise<void> {
  let drawn = 0;
  do {
    const text = await look().catch((error: Error) => {
      if (isTransient(error)) return `${error.message}. Looking again.`;
      throw error;
    });
    if (screen.isTTY) {
      const lines = shown(text, screen.columns ?? 80, screen.rows ?? 24);
      screen.write(`${drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ""}${lines.join("\n")}\n`);
      drawn = lines.length;
    } else screen.write(`${text}\n\n`);
  } while (await goesOn());
}

/** As much of a text as a terminal shows: what scrolled away could not be drawn again. */
function shown(text: string, columns: number, rows: number): string[] {
  const lines = text.split("\n");
  const room = rows - 1;
  const hidden = lines.length - room + 1;
  const visible =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${hidden} more lines: make the window higher`];
  return visible.map((line) => line.slice(0, columns - 1));
}
