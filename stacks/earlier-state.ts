import { counted } from "../lib/counted";
import { stacksDirectory } from "./local-stack";
import { recordedStacks } from "./protect-check";
import type { Recorded } from "./state";

/** Kubernetes objects that the plugin of an earlier version recorded, which stood in for Pulumi's provider. */
export function objectsOfEarlierPlugin(resources: Recorded[]): Recorded[] {
  // Pulumi's provider notes the version of the API that it made an object by.
  return resources.filter(
    ({ type, custom, outputs }) =>
      custom && type?.startsWith("kubernetes:") && outputs && !("__initialApiVersion" in outputs),
  );
}

/** The stack whose state an earlier version's plugin has written, in a sentence; undefined where there is none. */
export function earlierState(directory = stacksDirectory()): string | undefined {
  for (const [stack, resources] of Object.entries(recordedStacks(directory))) {
    const { length } = objectsOfEarlierPlugin(resources);
    if (length > 0)
      return (
        `The stack ${stack} was made by an earlier version of GourmetGram, ` +
        `whose own Kubernetes plugin recorded ${counted(length, "object")}`
      );
  }
  return undefined;
}

/**
 * Makes sure that no stack's state is one that Pulumi's provider does not take for its own.
 * @throws with what to do, before anything is touched
 */
export function refuseEarlierState(directory = stacksDirectory()): void {
  const found = earlierState(directory);
  if (!found) return;
  throw new Error(
    `${found}. Nothing was touched: Pulumi's own provider, which is used now, would replace all of them, ` +
      "the volumes with the models and images too. " +
      "Either keep running the version that made it; or run npm stop, which deletes everything, and then npm start.",
  );
}
