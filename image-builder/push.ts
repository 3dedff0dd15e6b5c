import { exec } from "../lib/exec";
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
