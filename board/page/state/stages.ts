import type { ApprovalView, EnvironmentView, PipelineView, RunView } from "../../api";
import { countdown, instant, secondsBetween } from "./time";
import { numberOf } from "./version";

/** What stands between an environment and the one that it promotes from. */
export type MoveState =
  | "running"
  | "nothing"
  | "same"
  | "waiting"
  | "barred"
  | "frozen"
  | "closed"
  | "soaking"
  | "ready";

export interface Move {
  readonly source: string;
  readonly target: string;
  /** The version that would move, `1.0.X`; null where there is none. */
  readonly version: string | null;
  readonly state: MoveState;
  /** In a few words. */
  readonly caption: string;
  readonly needsApproval: boolean;
}

export interface Stage extends EnvironmentView {
  /** Seconds of the soak that are left now; null where nothing soaks. */
  readonly soakLeft: number | null;
  /** null for the first environment. */
  readonly move: Move | null;
}

/** Seconds of the soak that are left now; null where nothing soaks. @param now in milliseconds since 1970 */
function soakLeft({ soakLeftSeconds }: EnvironmentView, at: string, now: number): number | null {
  if (!soakLeftSeconds) return null;
  return Math.max(0, Math.ceil(soakLeftSeconds - (now - instant(at)) / 1000)) || null;
}

const promotes = ({ finishedAt, version, template, steps }: RunView, moving: string | null): boolean =>
  finishedAt === null &&
  version === moving &&
  (template === "promote-model" || steps.some(({ name, phase }) => name.startsWith("promote") && phase === "Running"));

/** The phase of a request, which expires between two pictures. @param now in milliseconds since 1970 */
export const phaseOf = ({ phase, expiresAt }: ApprovalView, now: number): string =>
  phase === "Waiting" && secondsLeft(expiresAt, now) === 0 ? "Expired" : phase;

const waitsFor = (approval: ApprovalView, environment: string, moving: string | null, now: number): boolean =>
  approval.target === environment && approval.version === moving && phaseOf(approval, now) === "Waiting";

function moveState(source: Stage, target: EnvironmentView, view: PipelineView, now: number): MoveState {
  if (numberOf(source.version) === null) return "nothing";
  if (source.version === target.version) return "same";
  // The Workflow that promotes runs while it waits.
  if (view.approvals.some((approval) => waitsFor(approval, target.name, source.version, now))) return "waiting";
  if (view.runs.some((run) => promotes(run, source.version))) return "running";
  if (source.barrier) return "barred";
  if (view.freeze) return "frozen";
  if (target.closed !== null) return "closed";
  return source.soakLeft === null ? "ready" : "soaking";
}

function caption(state: MoveState, source: Stage, target: EnvironmentView): string {
  switch (state) {
    case "nothing":
      return "No version yet";
    case "same":
      return "Same version";
    case "running":
      return `Promoting ${source.version}`;
    case "waiting":
      return "Waits for approval";
    case "barred":
      return source.barrier?.word ?? "";
    case "frozen":
      return "Frozen";
    case "closed":
      return "Window closed";
    case "soaking":
      return `Soaks ${countdown(source.soakLeft ?? 0)}`;
    case "ready":
      return target.needsApproval ? "Needs approval" : "Ready";
  }
}

/** The environments with what stands between them. @param now in milliseconds since 1970, by the server's clock */
export function stagesOf(view: PipelineView, now: number): readonly Stage[] {
  const stages = view.environments.map((environment): Stage => {
    return { ...environment, soakLeft: soakLeft(environment, view.at, now), move: null };
  });
  return stages.map((stage) => {
    const source = stages.find(({ name }) => name === stage.promotesFrom);
    if (!source) return stage;
    const state = moveState(source, stage, view, now);
    const move = { source: source.name, target: stage.name, version: source.version, state };
    return { ...stage, move: { ...move, caption: caption(state, source, stage), needsApproval: stage.needsApproval } };
  });
}

/** What the page says under a promotion that the rules would not let through now; empty for one that may go. */
export function obstacles(
  view: PipelineView,
  { source, target }: Pick<Move, "source" | "target">,
  now: number,
): readonly string[] {
  const from = view.environments.find(({ name }) => name === source);
  const to = view.environments.find(({ name }) => name === target);
  const left = from ? soakLeft(from, view.at, now) : null;
  return [
    from?.barrier?.sentence,
    view.freeze && `${view.freeze.who} has frozen all promotions: ${view.freeze.why}`,
    to?.closed,
    left !== null && `The version has to run in ${source} for another ${countdown(left)}.`,
    to?.needsApproval && `The promotion will wait for an approval.`,
  ].filter((sentence) => typeof sentence === "string");
}

/** Whether a time has passed. @param now in milliseconds since 1970 */
export const secondsLeft = (until: string, now: number): number => secondsBetween(now, instant(until));
