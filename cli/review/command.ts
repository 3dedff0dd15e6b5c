import { parseArgs } from "node:util";
import { currentStack } from "../../config";
import { previewStack } from "../../stacks/preview";
import { type Events, parseEvents } from "./events";
import { renderMarkdown, renderText } from "./render";
import type { Summary } from "./summary";

/** A command that prints what Pulumi's preview of the stack comes to. */
export interface ReviewCommand {
  readonly usage: string;
  /** Whether the cluster as it is now is compared, and not Pulumi's state. */
  readonly refresh: boolean;
  readonly summarise: (stack: string, events: Events, unchecked: readonly string[]) => Summary;
  readonly exitCode: (events: Events) => number;
}

/** Runs such a command, with `--markdown` for a page. @returns its exit code @throws where there is no preview, but for a page, which says so itself */
export async function review({ usage, refresh, summarise, exitCode }: ReviewCommand): Promise<number> {
  const { values } = parseArgs({
    options: { markdown: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
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
  const summary = summarise(stack, events, unchecked);
  console.log(values.markdown ? renderMarkdown(summary) : renderText(summary));
  return exitCode(events);
}
