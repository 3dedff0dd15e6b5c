import { runMain } from "../lib/main";
import { review } from "./review/command";
import { driftOf, summariseDrift } from "./review/drift";
import type { Events } from "./review/events";

const usage = `Usage: npm run drift -- [--markdown]

What the cluster has otherwise than the program says, releases aside; nothing is changed, neither there nor in Pulumi's
state. GOURMETGRAM_STACK names the stack, default staging. Exit code 0: nothing. 1: something. 2: it could not be
checked.`;

/** 0: the cluster is as the program says. 1: something differs. 2: it could not be checked to the end. */
export function exitCode(events: Events): number {
  if (!events.complete) return 2;
  return driftOf(events).length > 0 ? 1 : 0;
}

if (require.main === module) runMain(() => review({ usage, refresh: true, summarise: summariseDrift, exitCode }), 2);
