import { duration } from "../../../lib/duration";
import type { RunView, StepView } from "../../api";
import { instant, secondsBetween } from "./time";
import { outcomeTone, type Tone, toneOf } from "./tone";

export interface StepRow extends StepView {
  readonly tone: Tone;
  /** Verdict of a gate, else the phase. */
  readonly word: string;
  /** As in `12 s`; an empty string before it starts. */
  readonly elapsed: string;
  /** Position and width of its bar, in percent of the run. */
  readonly x: number;
  readonly width: number;
  /** Why it ended as it did; an empty string where there is nothing to say. */
  readonly explanation: string;
}

export interface RunCard extends RunView {
  readonly tone: Tone;
  /** What became of it, or that it runs. */
  readonly word: string;
  readonly elapsed: string;
  /** The steps of each Workflow, in the order in which they began. */
  readonly groups: readonly { readonly workflow: string; readonly steps: readonly StepRow[] }[];
}

function stepRow(step: StepView, from: number, to: number): StepRow {
  const begin = step.startedAt === null ? to : instant(step.startedAt);
  const end = step.finishedAt === null ? to : instant(step.finishedAt);
  const length = Math.max(1, to - from);
  const percent = (time: number) => Math.min(100, Math.max(0, (time / length) * 100));
  const x = percent(begin - from);
  const word = step.verdict?.verdict ?? step.phase;
  return {
    ...step,
    word,
    tone: toneOf(word),
    elapsed: step.startedAt === null ? "" : duration(secondsBetween(begin, end)),
    x,
    width: step.startedAt === null ? 0 : Math.min(100 - x, Math.max(0.6, percent(end - begin))),
    explanation: step.verdict?.reason || step.message,
  };
}

/** A run as the page shows it. @param now in milliseconds since 1970, by the server's clock */
export function runCard(run: RunView, now: number): RunCard {
  const from = instant(run.startedAt);
  const to = run.finishedAt === null ? now : instant(run.finishedAt);
  const rows = run.steps.map((step) => stepRow(step, from, to));
  const workflows = [...new Set(rows.map(({ workflow }) => workflow))];
  return {
    ...run,
    tone: run.finishedAt === null ? "busy" : outcomeTone(run.outcome?.word ?? "ended"),
    word: run.finishedAt === null ? "Running" : (run.outcome?.word ?? "Ended"),
    elapsed: duration(secondsBetween(from, to)),
    groups: workflows.map((workflow) => ({ workflow, steps: rows.filter((row) => row.workflow === workflow) })),
  };
}

function stepEvents(before: RunView | undefined, after: RunView): string[] {
  return after.steps.flatMap(({ workflow, id, name, phase, verdict }) => {
    const old = before?.steps.find((step) => step.id === id && step.workflow === workflow);
    if (phase === old?.phase || phase === "Pending") return [];
    return [`${name}: ${verdict?.verdict ?? phase}.`];
  });
}

/** What happened between two pictures of the runs, in a sentence each, for people who hear the page. */
export function runEvents(before: readonly RunView[], after: readonly RunView[]): readonly string[] {
  return after.flatMap((run) => {
    const old = before.find(({ name }) => name === run.name);
    if (!old) return [`${run.template} has started.`];
    const ended = old.finishedAt === null && run.finishedAt !== null;
    return [...stepEvents(old, run), ...(ended ? [`${run.template}: ${run.outcome?.sentence ?? "ended"}`] : [])];
  });
}
