import { imagesWithoutDigest, type StackFile, settingsOf } from "../config";
import { pinUnknownDigests } from "../image-builder/pin-digests";
import { Phases } from "../lib/phases";
import { checkRemoteSettings } from "../stacks/check-settings";
import { clusterToolFor, ensureCluster } from "../stacks/docker-cluster";
import { rebuildReleases } from "../stacks/lost-releases";
import { connectToPlatform } from "../stacks/stack-cluster";
import { plainUpdate } from "../stacks/update-plan";
import { selectUserStack, upWithUserPulumi } from "../stacks/user-pulumi";
import { safePlan, type UpdateOptions } from "./safe-plan";

/**
 * Updates a stack on the user's cluster, which may be one that is made in Docker here.
 * @throws ConfigurationError if the stack file has a mistake, before anything is done; Error if the update would lose
 *   data
 */
export async function startRemote(stack: string, file: StackFile, options: UpdateOptions): Promise<void> {
  checkRemoteSettings(file);
  for (const line of await pinUnknownDigests(imagesWithoutDigest(file))) console.log(line);
  const tool = clusterToolFor(file);
  if (tool) await ensureCluster(tool, stack, file, new Phases());
  const recorded = await selectUserStack(stack);
  const plan = await safePlan(stack, plainUpdate, recorded, options, console.log);
  await upWithUserPulumi(stack, !("platform" in settingsOf(file)), plan);
  for (const notice of await rebuildReleases(connectToPlatform(stack), plan.lostReleases)) console.log(notice);
}
