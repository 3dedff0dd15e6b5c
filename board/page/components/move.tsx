import type { Draft } from "../state/acts";
import type { Move, MoveState } from "../state/stages";
import { Icon, type IconName } from "./icon";

const icons: Readonly<Record<MoveState, IconName>> = {
  running: "arrow",
  nothing: "dash",
  same: "same",
  waiting: "person",
  barred: "warning",
  frozen: "snow",
  closed: "lock",
  soaking: "clock",
  ready: "arrow",
};

interface MoveProps {
  readonly move: Move;
  readonly act: (draft: Draft) => void;
}

/** The way from one environment to the next, with what stops a promotion on it. */
export function MoveLink({ move, act }: MoveProps) {
  const { source, target, version, state, caption, needsApproval } = move;
  const isOffered = ["barred", "frozen", "closed", "soaking", "ready"].includes(state);
  return (
    <div class={`move move-${state}`}>
      <span class="move-line" aria-hidden="true" />
      <span class="move-sign">
        <Icon name={state === "ready" && needsApproval ? "person" : icons[state]} />
      </span>
      <span class="move-caption">
        <span class="visually-hidden">{`From ${source} to ${target}: `}</span>
        {caption}
      </span>
      {version && isOffered && (
        <button
          type="button"
          class={state === "ready" ? "small primary" : "small"}
          aria-label={`Promote ${version} from ${source} to ${target}`}
          onClick={() => act({ kind: "promote", version, source, target, isEmergency: false, text: "" })}
        >
          Promote
        </button>
      )}
    </div>
  );
}
