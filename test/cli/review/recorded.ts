import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Events, parseEvents } from "../../../cli/review/events";

/**
 * What the CLI printed, line by line, less the resources that don't matter to a test and all outputs:
 * - `preview-changes`: another limit, count and port of canary, a network policy less, a right more, another Secret,
 *   another image, another access mode of a volume; a policy forbids the limit
 * - `preview-images`: the images' sources changed, so that their digests are yet to come; two replicas in canary
 * - `preview-failed`: a mistake in the stack file
 * - `drift`: somebody changed the port in production's bundle by `kubectl patch`; `drift-none`: nobody did
 */
export function recordedLines(name: string): string[] {
  return readFileSync(join(__dirname, "..", "recorded", `${name}.jsonl`), "utf8").split("\n");
}

export const recorded = (name: string): Events => parseEvents(recordedLines(name));
