import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { environmentType } from "../components/shared/workflow-names";
import { stacksDirectory } from "./local-stack";
import { isInEveryStack, type Recorded, readState } from "./state";

/** Names of the environments that Pulumi refuses to delete, in the order in which they were made. */
export function protectedEnvironments(resources: Recorded[]): string[] {
  const parents = resources
    .filter(({ protect }) => protect)
    .map(({ parent = "" }) => parent.split(`::${environmentType}::`)[1]);
  return [...new Set(parents)].filter((name) => name !== undefined);
}

/** What Pulumi recorded of each stack that is not empty. All of them are on the local cluster. */
export function recordedStacks(directory = stacksDirectory()): Record<string, Recorded[]> {
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith(".json")) : [];
  const stacks = files
    .sort()
    .map((file): [string, Recorded[]] => [
      file.replace(/\.json$/, ""),
      readState<Recorded>(join(directory, file)).resources,
    ]);
  return Object.fromEntries(stacks.filter(([, resources]) => !resources.every(isInEveryStack)));
}

/**
 * Makes sure that no protected environment is deleted.
 * @param onlyStack the stack that is destroyed; default all, since the cluster is deleted
 * @throws with the environments' names, and what to write to have them removed
 */
export function refuseProtected(onlyStack?: string, directory = stacksDirectory()): void {
  for (const [stack, resources] of Object.entries(recordedStacks(directory))) {
    const names = onlyStack && onlyStack !== stack ? [] : protectedEnvironments(resources);
    if (names.length > 0) throw new Error(refusal(names, `Pulumi.${stack}.yaml`));
  }
}

/**
 * Makes sure that the cluster is not deleted with a stack while other stacks are on it.
 * @throws with their names, and how to remove them
 */
export function refuseOthers(stack: string, directory = stacksDirectory()): void {
  const others = Object.keys(recordedStacks(directory)).filter((other) => other !== stack);
  if (others.length === 0) return;
  const verb = others.length === 1 ? "is" : "are";
  const commands = others.map((other) => `GOURMETGRAM_STACK=${other} npm stop`);
  throw new Error(
    `${others.join(" and ")} ${verb} on this cluster too, so nothing was stopped or removed. ` +
      `Run ${commands.join(" and ")} first, while the cluster runs; or npm stop -- --keep-data, which keeps ` +
      "everything; or npm stop -- --all, which removes everything.",
  );
}

const refusal = (names: string[], file: string): string =>
  `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} protected, so nothing was stopped or removed. ` +
  `Write protect: false under ${names.join(" and ")} in ${file}, then run npm start and npm stop; ` +
  "or run npm stop -- --keep-data, which keeps everything.";
