import { exec } from "../lib/exec";
import { goTool } from "./go-tool";
import type { BuiltImage } from "./layout";

/**
 * Pushes an image by crane; layers that the registry has are not sent again.
 * @param reference `host:port/repository:tag`.
 * @param insecure Plain HTTP.
 */
export async function pushImage(image: BuiltImage, reference: string, insecure: boolean): Promise<void> {
  const crane = await goTool("crane");
  const flags = insecure ? ["--insecure"] : [];
  const there = await exec(crane, ["digest", ...flags, reference]).catch(() => "");
  if (there.trim() === image.digest) return;
  await exec(crane, ["push", ...flags, image.layout, reference]);
}
