import type { StackFile } from "../config";
import {
  createdApplications,
  type DeclaredApplication,
  hasArgoCd,
  putBackApplications,
  recordedApplications,
} from "../stacks/lost-applications";
import { previewUpdate } from "../stacks/preview";
import { connect, connectToPlatform } from "../stacks/stack-cluster";
import { isInEveryStack, type Recorded } from "../stacks/state";
import { planUpdate, takingBack, type UpdatePlan } from "../stacks/update-plan";
import { refuseDataLoss } from "./review/data-loss";
import { parseEvents } from "./review/events";

/** What a person asks of the update. */
export interface UpdateOptions {
  readonly refresh: boolean;
  readonly allowDataLoss: boolean;
}

/**
 * How the stack is updated. What somebody deleted, and the update would make again without its content, is there again.
 * @param resumed what the update needs after one that was interrupted
 * @param recorded what Pulumi has recorded of the stack
 * @param settings those that a local stack is updated with; default with what the last start has recorded
 * @throws if the update would lose data
 */
export async function safePlan(
  stack: string,
  resumed: UpdatePlan,
  recorded: readonly Recorded[],
  { refresh, allowDataLoss }: UpdateOptions,
  say: (line: string) => void,
  settings?: StackFile,
): Promise<UpdatePlan> {
  const clusters = () => ({ own: connect(stack), platform: connectToPlatform(stack) });
  const plan = await planUpdate(refresh ? takingBack(resumed) : resumed, recorded, clusters);
  for (const notice of plan.notices) say(`! ${notice}`);
  const platform = () => clusters().platform;
  const putBack = async (applications: readonly DeclaredApplication[]) => {
    for (const notice of await putBackApplications(applications, platform, allowDataLoss)) say(`! ${notice}`);
  };
  // Before the preview, which compares with them.
  await putBack(recordedApplications(recorded));
  // A new stack has nothing to lose but the releases that an earlier one left on the cluster.
  if ((allowDataLoss || recorded.every(isInEveryStack)) && !(await hasArgoCd(platform()))) return plan;
  const events = parseEvents(await previewUpdate(stack, plan, settings));
  if (!allowDataLoss) refuseDataLoss(stack, events);
  await putBack(createdApplications(events.changes));
  return plan;
}
