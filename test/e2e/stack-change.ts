import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseStack } from "../../config";
import { repositoryRoot } from "../../lib/paths";
import { isRecord } from "../../lib/record";
import { localStackFile, prepareStack, up } from "../../stacks/local-stack";

type Section = Record<string, unknown>;

/**
 * Updates the running stack with other settings, and back to its own when `use` has ended.
 * @param changes settings by section. A mapping, such as one environment, is merged into what is there.
 * @param use gets the update's summary as a promise: it may act while the update runs
 * @param options.program directory of the program for the changed settings. The repository is the default.
 */
export async function withStackChange(
  changes: Record<string, Section>,
  use: (update: Promise<string>) => Promise<void>,
  { program = repositoryRoot, stack = "staging" } = {},
): Promise<void> {
  const file = parseStack(readFileSync(localStackFile(stack), "utf8"), localStackFile(stack));
  const changed = structuredClone(file);
  for (const [section, values] of Object.entries(changes)) {
    const target = { ...(changed.config![`gourmetgram:${section}`] as Section | undefined) };
    for (const [name, value] of Object.entries(values))
      target[name] = isRecord(value) ? { ...(target[name] as object | undefined), ...value } : value;
    changed.config![`gourmetgram:${section}`] = target;
  }
  const update = async (settings: typeof file, directory: string) => {
    await prepareStack(stack, settings);
    return up(stack, () => undefined, directory);
  };
  try {
    await use(update(changed, program));
  } finally {
    await update(file, repositoryRoot);
  }
}

/** Runs `use` with a copy of the program that it may change, as on a branch. */
export async function withProgramCopy<T>(use: (program: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "gourmetgram-copy-"));
  try {
    cpSync(repositoryRoot, folder, {
      recursive: true,
      filter: (path) => !["node_modules", ".git"].includes(basename(path)),
    });
    symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
