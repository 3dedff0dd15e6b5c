import { runMain } from "../lib/main";
import { review } from "./review/command";
import { allowFlag, allowOption, isRefused } from "./review/data-loss";
import type { Events } from "./review/events";
import { summarise } from "./review/summary";

const usage = `Usage: npm run preview -- [--markdown] [${allowFlag}]

Lists what an update of the stack would change, for the person who reviews it. GOURMETGRAM_STACK names the stack,
default staging. Exit code 0: the update can be made. 1: it violates a mandatory policy, loses data, or gives a volume a
size that it cannot take. 2: the preview failed. With ${allowFlag}, a loss of data is listed and no reason for 1.`;

/** 0: the update can be made. 1: it violates a mandatory policy, or npm start refuses it. 2: no complete preview. */
export function exitCode(events: Events, allowDataLoss: boolean): number {
  if (events.violations.some(({ level }) => level === "mandatory")) return 1;
  if (isRefused(events, allowDataLoss)) return 1;
  return events.complete ? 0 : 2;
}

if (require.main === module)
  runMain(
    () =>
      review({
        usage,
        refresh: false,
        flags: [allowOption],
        summarise,
        exitCode: (events, given) => exitCode(events, given.includes(allowOption)),
      }),
    2,
  );
