import { succeeds } from "../lib/exec";
import type { BaseKind } from "./base";

/**
 * Whether Docker builds the images; otherwise buildah does. Only buildah reads a local base, a folder of files.
 * @throws if there is neither
 */
export async function hasDocker(base: BaseKind): Promise<boolean> {
  if (base === "published" && (await succeeds("docker", ["info"]))) return true;
  if (await succeeds("buildah", ["--version"])) return false;
  throw new Error(
    "The images cannot be built without a Docker engine or buildah: install one of them (`apt-get install buildah`).",
  );
}
