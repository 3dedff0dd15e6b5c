import { runMain } from "../lib/main";
import { review } from "./review/command";
import type { Events } from "./review/events";
import { summarise } from "./review/summary";

const usage = `Usage: npm run preview -- [--markdown]

What an update of the stack would change, for the person who is to agree to it; GOURMETGRAM_STACK names the stack,
default staging. Exit code 0: no policy speaks against it. 1: a mandatory policy does. 2: it could not be previewed.`;

/** 0: no policy speaks against the change. 1: a mandatory one does. 2: the preview did not come to its end. */
export function exitCode({ violations, complete }: Events): number {
  if (violations.some(({ level }) => level === "mandatory")) return 1;
  return complete ? 0 : 2;
}

if (require.main === module) runMain(() => review({ usage, refresh: false, summarise, exitCode }), 2);
