import { readFileSync } from "node:fs";
import { parseStack } from "../../config";
import { localStackFile, prepareStack, up } from "../../local/stack";

type Section = Record<string, Record<string, unknown>>;

/**
 * Updates the running stack with other settings, and back to its own when `use` has ended.
 * @param changes settings by section, merged into the environments and the like one level deep
 * @param use gets the update's summary as a promise: it may act while the update runs
 */
export async function withStackChange(changes: Record<string, Section>, use: (update: Promise<string>) => Promise<void>): Promise<void> {
  const stack = "staging";
  const file = parseStack(readFileSync(localStackFile(stack), "utf8"), localStackFile(stack));
  const changed = structuredClone(file);
  for (const [section, values] of Object.entries(changes))
    for (const [name, value] of Object.entries(values)) {
      const target = changed.config![`gourmetgram:${section}`] as Section;
      target[name] = { ...target[name], ...value };
    }
  const update = async (settings: typeof file) => {
    await prepareStack(stack, settings);
    return up(stack, () => undefined);
  };
  try {
    await use(update(changed));
  } finally {
    await update(file);
  }
}
