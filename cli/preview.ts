import { runMain } from "../lib/main";
import { review } from "./review/command";
import type { Events } from "./review/events";
import { summarise } from "./review/summary";

const usage = `Usage: npm run preview -- [--markdown]

Lists what an update of the stack would change, for the person who reviews it. GOURMETGRAM_STACK names the stack,
default staging. Exit code 0: no mandatory policy is violated. 1: one is. 2: the preview failed.`;

/** 0: no mandatory policy is violated. 1: one is. 2: the preview did not complete. */
export function exitCode({ violations, complete }: Events): number {
  if (violations.some(({ level }) => level === "mandatory")) return 1;
  return complete ? 0 : 2;
}

if (require.main === module) runMain(() => review({ usage, refresh: false, summarise, exitCode }), 2);
