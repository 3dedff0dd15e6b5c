import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stacksDirectory } from "./stack";

/** What Pulumi records of one resource, as far as it is read here. */
interface Recorded {
  parent?: string;
  protect?: boolean;
}

/** Names of the environments that Pulumi refuses to delete, in the order in which they were made. */
export function protectedEnvironments(resources: Recorded[]): string[] {
  const parents = resources.filter(({ protect }) => protect).map(({ parent = "" }) => /::gourmetgram:release:Environment::(.+)$/.exec(parent)?.[1]);
  return [...new Set(parents)].filter((name) => name !== undefined);
}

/**
 * Makes sure that no protected environment is lost with the local cluster. What counts is what Pulumi holds of the last
 * start, of every stack: their data is the cluster's.
 * @throws with the environments' names, and what to write to have them removed
 */
export function refuseProtected(directory = stacksDirectory()): void {
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith(".json")) : [];
  for (const file of files) {
    const { checkpoint } = JSON.parse(readFileSync(join(directory, file), "utf8")) as { checkpoint: { latest?: { resources?: Recorded[] } } };
    const names = protectedEnvironments(checkpoint.latest?.resources ?? []);
    if (names.length > 0) throw new Error(refusal(names, `Pulumi.${file.replace(/json$/, "yaml")}`));
  }
}

const refusal = (names: string[], file: string): string =>
  `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} protected, and nothing was stopped or removed: write protect: false under ${names.join(" and ")} in ${file}, ` +
  "then npm start, then npm stop; or npm stop -- --keep-data, which keeps everything.";
