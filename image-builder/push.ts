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
