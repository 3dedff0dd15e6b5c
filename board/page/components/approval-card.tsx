import { counted } from "../../../lib/counted";
import type { ApprovalView } from "../../api";
import { useNow } from "../hooks/use-clock";
import type { Draft } from "../state/acts";
import { figure } from "../state/models";
import { phaseOf, secondsLeft } from "../state/stages";
import { countdown } from "../state/time";
import { toneOf } from "../state/tone";
import { shortHash } from "../state/version";
import { Icon } from "./icon";
import { Person } from "./person";
import { Sign } from "./sign";
import { Age } from "./time";
import { VersionChip } from "./version-chip";

const Figures = ({ figures }: { readonly figures: ApprovalView["figures"] }) => (
  <dl class="figure-list">
    {Object.entries(figures).map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd class="figures">{figure(value)}</dd>
      </div>
    ))}
  </dl>
);

const Responses = ({ responses }: { readonly responses: ApprovalView["responses"] }) => (
  <ul class="responses">
    {responses.map(({ user, action, message }) => (
      <li key={user}>
        <b>
          <Person username={user} />
        </b>
        : {action}
        {message && `, “${message}”`}
      </li>
    ))}
  </ul>
);

/** Why a promotion goes round the calendar; nothing for a usual one. @param why an empty string for a usual one */
export const Emergency = ({ why }: { readonly why: string }) =>
  why ? (
    <p class="fact tone-warn">
      <Icon name="warning" />
      Emergency, round the calendar: {why}
    </p>
  ) : null;

interface ApprovalCardProps {
  readonly approval: ApprovalView;
  readonly act: (draft: Draft) => void;
}

/** A promotion that waits for people, with what they decide on. */
export function ApprovalCard({ approval, act }: ApprovalCardProps) {
  const { name, target, version, digest, requestedBy, requestedAt, expiresAt, minimum } = approval;
  const { emergency, figures, responses, reason } = approval;
  const now = useNow();
  const phase = phaseOf(approval, now);
  const answer = (kind: "approve" | "reject") => () => act({ kind, approval: name, text: "" });
  const approved = responses.filter(({ action }) => /^approve/i.test(action)).length;
  return (
    <article class={`approval tone-${toneOf(phase)}`} aria-label={`Approval of ${version} for ${target}`}>
      <header>
        <h3>
          <VersionChip version={version} /> <Icon name="arrow" /> <span class="visually-hidden">to </span>
          {target}
        </h3>
        <Sign tone={toneOf(phase)} word={phase} />
      </header>
      <p class="hint">
        <Person username={requestedBy} /> asked <Age since={requestedAt} /> ago for{" "}
        <code title={digest}>{shortHash(digest)}</code>
      </p>
      <Emergency why={emergency} />
      {Object.keys(figures).length > 0 && <Figures figures={figures} />}
      {responses.length > 0 && <Responses responses={responses} />}
      {reason && <p>{reason}</p>}
      {phase === "Waiting" && (
        <footer>
          <span class="hint">
            {approved} of {counted(minimum, "approval")}, expires in{" "}
            <b class="figures">{countdown(secondsLeft(expiresAt, now))}</b>
          </span>
          <button type="button" class="small" aria-label={`Reject ${version} for ${target}`} onClick={answer("reject")}>
            Reject …
          </button>
          <button
            type="button"
            class="small primary"
            aria-label={`Approve ${version} for ${target}`}
            onClick={answer("approve")}
          >
            Approve …
          </button>
        </footer>
      )}
    </article>
  );
}
