import { approvalsPath } from "../components/shared/workflow-names";
import { ApiError, type Cluster, emptyIfNotFound } from "../lib/kube-client";
import type { Parameters } from "./environments";
import { oneLine } from "./one-line";

/** A request to approve a promotion, as `workflows/approval-crd.yaml` has it. */
export interface Approval {
  readonly name: string;
  readonly requestedAt: string;
  readonly target: string;
  /** `1.0.X`. */
  readonly version: string;
  readonly digest: string;
  /** What the gates measured, by `gate.figure`. */
  readonly figures: Readonly<Record<string, number>>;
  readonly requestedBy: string;
  /** Number of people who have to approve. */
  readonly minimum: number;
  readonly expiresAt: string;
  /** Why the calendar does not count; an empty string where it does. */
  readonly emergency: string;
  readonly responses: readonly Response[];
  /** `Waiting`, `Approved`, `Rejected`, `Expired` or `Void`. */
  readonly phase: string;
  /** Why, in one sentence; an empty string while it waits. */
  readonly reason: string;
}

interface Response {
  readonly user: string;
  readonly action: ResponseAction;
  readonly message: string;
}

export type ResponseAction = "approve" | "reject";

interface ApprovalObject {
  metadata: { name: string; creationTimestamp: string };
  spec: Omit<Approval, "name" | "requestedAt" | "phase" | "reason">;
  status?: { phase?: string; reason?: string };
}

/** Every request that the cluster has, newest first; none where an older program made the pipeline. */
export async function listApprovals(cluster: Cluster): Promise<Approval[]> {
  const { items } = await cluster.api<{ items: ApprovalObject[] }>(approvalsPath).catch(emptyIfNotFound);
  const now = new Date();
  return items
    .map((object: ApprovalObject) => approvalOf(object, now))
    .sort((a: Approval, b: Approval) => b.requestedAt.localeCompare(a.requestedAt));
}

/** A request as it is now: one whose Workflow was stopped may be past its time, and nobody has closed it. */
function approvalOf({ metadata, spec, status }: ApprovalObject, now: Date): Approval {
  const known = { name: metadata.name, requestedAt: metadata.creationTimestamp, ...spec };
  const { phase = "Waiting", reason = "" } = status ?? {};
  if (phase !== "Waiting" || now < new Date(spec.expiresAt)) return { ...known, phase, reason };
  return { ...known, phase: "Expired", reason: `The request expired at ${spec.expiresAt}: ask again.` };
}

/** Who answers, as the API server knows them, and how. */
interface Answer {
  readonly user: string;
  readonly action: ResponseAction;
}

/** Whether the answer may count: nobody answers twice, and who asked may take their request back. */
const isOpenTo = ({ user, action }: Answer, { requestedBy, responses }: Approval): boolean =>
  (action === "reject" || requestedBy !== user) && responses.every((response) => response.user !== user);

/**
 * The request that waits for a version: of several, the newest that is open to the answer, else the newest.
 * @throws if there is none, or several and no target is named
 */
export function waitingApproval(
  approvals: readonly Approval[],
  answer: Answer,
  version: string,
  target?: string,
): Approval {
  const waiting = approvals.filter(
    (approval) =>
      approval.phase === "Waiting" && approval.version === version && (!target || approval.target === target),
  );
  if (waiting.length === 0)
    throw new Error(
      `nobody waits for an approval of ${version}${target ? ` in ${target}` : ""}: ` +
        "npm run status lists the requests, and npm run promote asks for one",
    );
  const targets = [...new Set(waiting.map((approval) => approval.target))];
  if (targets.length > 1) throw new Error(`requests for ${version} wait for ${targets.join(" and ")}: name one`);
  return waiting.find((approval) => isOpenTo(answer, approval)) ?? waiting[0];
}

const messageExample = 'npm run approve -- 5 production --message "looked at canary for an hour"';

/**
 * Responds to a request as the person of this kubeconfig. The API server checks who that is.
 * @returns the request
 * @throws with the API server's sentence if it refuses
 */
export async function respond(
  cluster: Cluster,
  name: string,
  action: ResponseAction,
  message: string,
): Promise<Approval> {
  const path = `${approvalsPath}/${encodeURIComponent(name)}`;
  const response: Response = {
    user: await cluster.username(),
    action,
    message: oneLine(message, "the message", messageExample),
  };
  const approval = approvalOf(await cluster.api<ApprovalObject>(path), new Date());
  // The API server knows no time, and would take a response that nobody waits for.
  if (approval.phase === "Expired") throw new ApiError(422, "this request is Expired: ask again, with npm run promote");
  await cluster
    .api(`${path}?fieldManager=${action}`, {
      method: "PATCH",
      headers: { "content-type": "application/json-patch+json" },
      body: [{ op: "add", path: "/spec/responses/-", value: response }],
    })
    .catch((error: Error) => {
      throw error instanceof ApiError ? new ApiError(error.status, refusal(error.message)) : error;
    });
  return approval;
}

/** The sentence of the admission policy, without what the API server puts before it. */
const refusal = (message: string): string => message.replace(/^.*denied request: /s, "");

/** How many people have to approve a promotion to an environment, and how long a request waits for them. */
export interface ApprovalRule {
  readonly minimum: number;
  readonly expirySeconds: number;
}

/** The rules of the cluster's pipeline, by environment, from its parameters. */
export const parseApprovalRules = ({ approval = "{}" }: Parameters): Record<string, ApprovalRule> =>
  JSON.parse(approval);

/** A request in one sentence. */
export function describeApproval({ requestedBy, version, target, minimum, responses, expiresAt, emergency }: Approval) {
  const approved = responses.filter(({ action }) => action === "approve").length;
  const urgent = emergency && `, in an emergency: ${emergency}`;
  return (
    `${requestedBy} asks to promote ${version} to ${target}${urgent}. ` +
    `${approved} of ${minimum} approved. It waits until ${expiresAt}: ` +
    `npm run approve -- ${version.split(".").at(-1)} ${target} --message "<why>"`
  );
}
