import { parseArgs } from "node:util";
import { currentStack } from "../../config";
import { previewStack } from "../../stacks/preview";
import { type Events, parseEvents } from "./events";
import { redact } from "./redact";
import { renderMarkdown, renderText } from "./render";
import type { Summary } from "./summary";

/** A command that summarises a Pulumi preview of the stack. */
export interface ReviewCommand {
  readonly usage: string;
  /** Whether the program is compared with the cluster, and not with Pulumi's state. */
  readonly refresh: boolean;
  /** Flags of this command alone, as `allow-data-loss`. */
  readonly flags?: readonly string[];
  readonly summarise: (stack: string, events: Events, unchecked: readonly string[]) => Summary;
  /** @param given those of its flags that a person gave */
  readonly exitCode: (events: Events, given: readonly string[]) => number;
}

/**
 * Runs such a command, with `--markdown` for a page.
 * @returns its exit code
 * @throws if there is no preview; a page contains the error instead
 */
export async function review({ usage, refresh, flags = [], summarise, exitCode }: ReviewCommand): Promise<number> {
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(flags.map((flag) => [flag, { type: "boolean" as const }])),
      markdown: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const stack = currentStack();
  const { lines, unchecked } = await previewStack(stack, { refresh }).catch((error: Error) => {
    if (!values.markdown) throw error;
    return { lines: [`error: ${error.message}`], unchecked: [] };
  });
  const events = parseEvents(lines);
  const summary = summarise(stack, events, unchecked.map(redact));
  console.log(values.markdown ? renderMarkdown(summary) : renderText(summary));
  return exitCode(
    events,
    flags.filter((flag) => flag in values),
  );
}
