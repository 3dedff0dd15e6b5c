import { runMain } from "../lib/main";
import { review } from "./review/command";
import { driftOf, summariseDrift } from "./review/drift";
import type { Events } from "./review/events";

const usage = `Usage: npm run drift -- [--markdown]

Lists where the cluster differs from the program, except for releases. Neither the cluster nor Pulumi's state changes.
GOURMETGRAM_STACK names the stack, default staging. Exit code 0: no drift. 1: drift. 2: it could not be checked.`;

/** 0: the cluster is as the program declares. 1: it differs. 2: the check did not complete. */
export function exitCode(events: Events): number {
  if (!events.complete) return 2;
  return driftOf(events).length > 0 ? 1 : 0;
}

if (require.main === module) runMain(() => review({ usage, refresh: true, summarise: summariseDrift, exitCode }), 2);
