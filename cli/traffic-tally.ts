import { percentile } from "../lib/percentile";
import { table } from "../lib/table";

/** What became of one request. */
export interface Outcome {
  /** HTTP status, or null if there was no whole answer: the request is lost. */
  readonly status: number | null;
  /** Seconds from the request to the whole answer, or until it was known that there is none. */
  readonly seconds: number;
  /** What the answer says in `X-Model-Version`; `unknown` if it says nothing. Null without an answer. */
  readonly version: string | null;
  /** Why it is lost: Node.js's code of the error, as in `ECONNRESET`. Null for an answer. */
  readonly lostBy: string | null;
}

/** Sums of outcomes. */
interface Tally {
  readonly sent: number;
  /** Answers of 200 to 299. */
  readonly ok: number;
  /** Answers of any other status. */
  readonly errors: number;
  /** Requests without a whole answer. */
  readonly lost: number;
  /** Time in which 95 % of the answers came, in ms; null without an answer. */
  readonly p95: number | null;
}

const isOk = ({ status }: Outcome) => status !== null && status >= 200 && status < 300;
const isAnswer = ({ status }: Outcome) => status !== null;

export function tally(outcomes: readonly Outcome[]): Tally {
  const answers = outcomes.filter(isAnswer);
  const ok = answers.filter(isOk).length;
  return {
    sent: outcomes.length,
    ok,
    errors: answers.length - ok,
    lost: outcomes.length - answers.length,
    p95: percentile(
      answers.map(({ seconds }) => seconds * 1000),
      0.95,
    ),
  };
}

/** The outcomes that were answered, by the version that answered, the versions in their order. */
export function byVersion(outcomes: readonly Outcome[]): [string, Outcome[]][] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.version === null) continue;
    const group = groups.get(outcome.version) ?? [];
    groups.set(outcome.version, group);
    group.push(outcome);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

const milliseconds = (value: number | null) => (value === null ? "-" : `${Math.round(value)} ms`);
const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;

/** One line on some seconds: how many requests were sent, and what came of those that ended. */
export function progressLine(secondsPassed: number, sent: number, outcomes: readonly Outcome[]): string {
  const { ok, errors, lost, p95 } = tally(outcomes);
  const shares = byVersion(outcomes).map(([version, some]) => `${version} ${percent(some.length, ok + errors)}`);
  return [
    `${Math.round(secondsPassed)} s`.padStart(6),
    `sent ${sent}`.padEnd(9),
    `ok ${ok}`.padEnd(7),
    `errors ${errors}`.padEnd(10),
    `lost ${lost}`.padEnd(8),
    `p95 ${milliseconds(p95)}`.padEnd(11),
    shares.join(", "),
  ]
    .join("  ")
    .trimEnd();
}

/** Why requests are lost, the most frequent reason first; an empty string where none is. */
export function lossSentence(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { lostBy } of outcomes) if (lostBy !== null) counts.set(lostBy, (counts.get(lostBy) ?? 0) + 1);
  const reasons = [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} by ${reason}`);
  return reasons.length > 0 ? `Lost without an answer: ${reasons.join(", ")}.` : "";
}

/** What all outcomes come to: a row for each version that answered, and one for all. */
export function summaryTable(outcomes: readonly Outcome[]): string {
  const answers = outcomes.filter(isAnswer).length;
  const row = (name: string, some: readonly Outcome[], share: string): string[] => {
    const { sent, ok, errors, lost, p95 } = tally(some);
    return [name, share, ...[sent, ok, errors, lost].map(String), milliseconds(p95)];
  };
  return table(
    ["VERSION", "SHARE", "SENT", "OK", "ERRORS", "LOST", "P95"],
    [
      ...byVersion(outcomes).map(([version, some]) => row(version, some, percent(some.length, answers))),
      row("all", outcomes, ""),
    ],
  );
}
