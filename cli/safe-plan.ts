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
 * How the stack is updated.
 * @param resumed what the update needs after one that was interrupted
 * @param recorded what Pulumi has recorded of the stack
 * @throws if the update would lose data
 */
export async function safePlan(
  stack: string,
  resumed: UpdatePlan,
  recorded: readonly Recorded[],
  { refresh, allowDataLoss }: UpdateOptions,
  say: (line: string) => void,
): Promise<UpdatePlan> {
  const clusters = () => ({ own: connect(stack), platform: connectToPlatform(stack) });
  const plan = await planUpdate(refresh ? takingBack(resumed) : resumed, recorded, clusters);
  for (const notice of plan.notices) say(`! ${notice}`);
  // A new stack has nothing to lose.
  if (!allowDataLoss && !recorded.every(isInEveryStack))
    refuseDataLoss(stack, parseEvents(await previewUpdate(stack, plan)));
  return plan;
}
