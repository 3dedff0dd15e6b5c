import { noApplication } from "../../../lib/health";

/** What a word means for a person: it picks the colour and the shape of the sign beside the word. */
export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";

const tones: Readonly<Record<string, Tone>> = {
  // Argo CD's health
  Healthy: "good",
  Progressing: "busy",
  Degraded: "bad",
  Missing: "bad",
  [noApplication]: "bad",
  // phases of a step
  Pending: "quiet",
  Running: "busy",
  Succeeded: "good",
  Failed: "bad",
  Error: "bad",
  Skipped: "quiet",
  Omitted: "quiet",
  // verdicts
  pass: "good",
  fail: "bad",
  inconclusive: "warn",
  withdrawn: "warn",
  superseded: "quiet",
  skipped: "quiet",
  // phases of an approval
  Waiting: "busy",
  Approved: "good",
  Rejected: "bad",
  Expired: "warn",
  Void: "quiet",
};

/** `quiet` for a word that the page does not know. */
export const toneOf = (word: string): Tone => (Object.hasOwn(tones, word) ? tones[word] : "quiet");

const bad = /fail|error|broken|reject|not registered|below|terminated|stopped|crash/i;
const warn = /revert|restored|held|refus|turned away|inconclusive|withdrawn|void|expired|interrupted|(?<!un)frozen/i;

/** The tone of an outcome, whose words are open: a bad one is not to look like a good one. */
export function outcomeTone(outcome: string | null): Tone {
  if (outcome === null) return "busy";
  if (bad.test(outcome)) return "bad";
  return warn.test(outcome) ? "warn" : "good";
}
