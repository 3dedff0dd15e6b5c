/** Approvals of promotions, and the calendar: the one place where the board learns of them. */
import { listApprovals, parseApprovalRules, respond } from "../../client/approvals";
import { readParameters } from "../../client/environments";
import { closedReason, type PromotionWindow } from "../../client/windows";
import type { Cluster } from "../../lib/kube-client";
import type { Act, ApprovalView, EnvironmentView } from "../api";

/** Largest number of approvals that are shown. */
const mostApprovals = 20;

/** Those that wait for an answer first, then the newest. */
export async function readApprovals(cluster: Cluster): Promise<ApprovalView[]> {
  const approvals = await listApprovals(cluster);
  const isWaiting = ({ phase }: ApprovalView) => phase === "Waiting";
  const ordered = [...approvals.filter(isWaiting), ...approvals.filter((approval) => !isWaiting(approval))];
  return ordered.slice(0, mostApprovals);
}

/** What promotions wait for, besides the soak. */
export interface PromotionRules {
  /** Environments to which people approve a promotion. */
  readonly approved: readonly string[];
  readonly windows: readonly PromotionWindow[];
}

export const noRules: PromotionRules = { approved: [], windows: [] };

export async function readPromotionRules(cluster: Cluster): Promise<PromotionRules> {
  const parameters = await readParameters(cluster);
  return {
    approved: Object.keys(parseApprovalRules(parameters)),
    windows: JSON.parse(parameters.windows ?? "[]") as PromotionWindow[],
  };
}

/** What a promotion to an environment waits for. */
export function promotionRulesOf(
  { approved, windows }: PromotionRules,
  environment: string,
  now: Date,
): Pick<EnvironmentView, "needsApproval" | "closed"> {
  return { needsApproval: approved.includes(environment), closed: closedReason(windows, environment, now) };
}

/** Approves or rejects, in the name of the person whose cluster it is. @returns what was done, in one sentence */
export async function answerApproval(act: Extract<Act, { approval: string }>, asPerson: Cluster): Promise<string> {
  const { version, target } = await respond(asPerson, act.approval, act.act, act.message);
  return `You ${act.act === "approve" ? "approved" : "rejected"} ${version} for ${target}.`;
}
