/** Approvals of promotions, and the calendar: the one place where the board learns of them. It has none so far. */
import type { Act, ApprovalView, EnvironmentView } from "../api";
import { Refusal } from "./refusal";

/** Those that wait for an answer first. */
export function listApprovals(): ApprovalView[] {
  return [];
}

/** What a promotion to an environment waits for. */
export function promotionRules(_environment: string): Pick<EnvironmentView, "needsApproval" | "closed"> {
  return { needsApproval: false, closed: null };
}

/** Approves or rejects. @returns what was done, in one sentence */
export async function answerApproval(act: Extract<Act, { approval: string }>): Promise<string> {
  throw new Refusal(400, `There is no approval ${act.approval}: this pipeline asks nobody to approve a promotion.`);
}

/** @throws for a promotion round the calendar */
export function checkEmergency(emergency: string): void {
  if (emergency) throw new Refusal(400, "This pipeline has no calendar to go round: leave out the emergency.");
}
