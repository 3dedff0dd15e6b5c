import { pulumi } from "../stacks/local-pulumi";
import { up } from "../stacks/local-stack";

interface Update {
  kind: string;
  startTime: string;
  endTime: string;
  result: string;
  resourceChanges?: Record<string, number>;
}

/** The stack's first update, as its history has it, and one without changes, now. */
export async function pulumiTimes(stack = "staging"): Promise<string[][]> {
  // The first takes in what has changed since the last update.
  for (let round = 0; round < 2; round++) await up(stack, () => undefined);
  const history = JSON.parse(
    await pulumi(["stack", "history", "--json", "--stack", stack, "--page-size", "1000"], { onLine: () => undefined }),
  ) as Update[];
  const updates = history.filter(({ kind, result }) => kind === "update" && result === "succeeded");
  return [describe("first", updates.at(-1)!), describe("without changes", updates[0])];
}

function describe(name: string, { startTime, endTime, resourceChanges = {} }: Update): string[] {
  const changes = Object.entries(resourceChanges).map(([operation, count]) => `${count} ${operation}`);
  return [name, ((Date.parse(endTime) - Date.parse(startTime)) / 1000).toFixed(0), changes.join(", ")];
}
