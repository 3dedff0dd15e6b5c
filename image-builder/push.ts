import { CommandError, exec } from "../lib/exec";
import { goTool } from "./go-tool";
import type { BuiltImage } from "./layout";

/**
 * Pushes an image with crane, which skips the layers that the registry has.
 * @param reference `host:port/repository:tag`
 * @param insecure whether to use plain HTTP
 */
export async function pushImage(image: BuiltImage, reference: string, insecure: boolean): Promise<void> {
  const crane = await goTool("crane");
  const flags = insecure ? ["--insecure"] : [];
  const pushed = await exec(crane, ["digest", ...flags, reference]).catch(() => "");
  if (pushed.trim() === image.digest) return;
  await exec(crane, ["push", ...flags, image.layout, reference]);
}

/**
 * Gives an image that was pushed a tag of its own, so that it can still be found when its other tag has moved on: the
 * registry lists tags alone.
 */
export async function tagByContent({ digest }: BuiltImage, reference: string, insecure: boolean): Promise<void> {
  const crane = await goTool("crane");
  await exec(crane, ["tag", ...(insecure ? ["--insecure"] : []), reference, contentTag(digest)]);
}

/** Tag made from a digest. `workflows/steps/collect.py` knows these tags by their form. */
const contentTag = (digest: string): string => `content-${digest.replace("sha256:", "").slice(0, 12)}`;

// Linux, and the registry, which hands out the number of Linux's error.
const fullSigns = ["no space left on device", "err:28 "];

/**
 * What a person is told of a push to the pipeline's registry that failed: a sentence where its volume is full, else the
 * error itself. The steps of the workflows say the same (`workflows/lib/full_volume.py`).
 */
export function explainPush(error: unknown): unknown {
  const said = error instanceof CommandError ? error.stderr.toLowerCase() : "";
  if (!fullSigns.some((sign) => said.includes(sign))) return error;
  return new Error(
    "The volume of the registry is full: run npm run collect to make room; if it stays full, npm run status says " +
      "what else helps.",
  );
}
