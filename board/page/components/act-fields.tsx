import { scenarios } from "../../../images/model";
import type { ApprovalView, PipelineView } from "../../api";
import { useNow } from "../hooks/use-clock";
import type { Draft } from "../state/acts";
import { obstacles } from "../state/stages";
import { shortHash } from "../state/version";
import { Emergency } from "./approval-card";
import { Icon } from "./icon";
import { Age } from "./time";
import { VersionChip } from "./version-chip";

export const submitWords: Readonly<Record<Draft["kind"], string>> = {
  train: "Train",
  promote: "Promote",
  revert: "Revert staging",
  freeze: "Freeze",
  unfreeze: "Unfreeze",
  approve: "Approve",
  reject: "Reject",
};

/** The request that a draft answers; undefined for another draft, and once the board shows it no more. */
const requestOf = (draft: Draft, view: PipelineView | null): ApprovalView | undefined =>
  "approval" in draft ? view?.approvals.find(({ name }) => name === draft.approval) : undefined;

export function titleOf(draft: Draft, view: PipelineView | null): string {
  switch (draft.kind) {
    case "train":
      return "Train a model";
    case "promote":
      return `Promote ${draft.version} to ${draft.target}`;
    case "revert":
      return "Revert staging";
    case "freeze":
      return "Freeze all promotions";
    case "unfreeze":
      return "Allow promotions again";
    case "approve":
    case "reject": {
      const request = requestOf(draft, view);
      return `${submitWords[draft.kind]} ${request ? `${request.version} for ${request.target}` : "the promotion"}`;
    }
  }
}

const textLabels: Readonly<Record<Exclude<Draft["kind"], "train" | "promote">, string>> = {
  revert: "Why",
  freeze: "Why",
  unfreeze: "Why",
  approve: "Why",
  reject: "Why",
};

interface Field<T extends Draft> {
  readonly draft: T;
  readonly change: (draft: Draft) => void;
}

const TextField = ({ label, text, change }: { label: string; text: string; change: (text: string) => void }) => (
  <label>
    <span>{label}</span>
    <textarea rows={3} maxLength={200} value={text} onInput={(event) => change(event.currentTarget.value)} />
  </label>
);

function ScenarioField({ draft, change }: Field<Extract<Draft, { kind: "train" }>>) {
  return (
    <>
      <p>The pipeline trains it, builds its image, deploys it to staging and tests it there.</p>
      <label>
        <span>Scenario</span>
        <select value={draft.scenario} onChange={(event) => change({ ...draft, scenario: event.currentTarget.value })}>
          {scenarios.map((scenario) => (
            <option key={scenario}>{scenario}</option>
          ))}
        </select>
      </label>
      <p class="hint">All but “normal” make a model that the pipeline should catch.</p>
    </>
  );
}

function PromoteFields({
  draft,
  change,
  view,
}: Field<Extract<Draft, { kind: "promote" }>> & { view: PipelineView | null }) {
  const now = useNow();
  const target = view?.environments.find(({ name }) => name === draft.target);
  const inTheWay = view ? obstacles(view, draft, now) : [];
  return (
    <>
      <p class="move-summary">
        <span>{draft.target}</span>
        <VersionChip version={target?.version ?? null} />
        <Icon name="arrow" />
        <span class="visually-hidden">becomes</span>
        <VersionChip version={draft.version} />
      </p>
      {inTheWay.length > 0 && (
        <ul class="obstacles">
          {inTheWay.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      {/* The pipeline refuses an emergency that nobody approves. */}
      {target?.needsApproval && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.isEmergency}
            onChange={(event) => change({ ...draft, isEmergency: event.currentTarget.checked })}
          />
          <span>Emergency: go round the calendar</span>
        </label>
      )}
      {draft.isEmergency && <TextField label="Why" text={draft.text} change={(text) => change({ ...draft, text })} />}
    </>
  );
}

const RevertField = ({ draft, change }: Field<Extract<Draft, { kind: "revert" }>>) => (
  <>
    <p>Staging goes back to the last version that passed its gates.</p>
    {draft.version && (
      <label class="check">
        <input
          type="checkbox"
          checked={draft.isBad}
          onChange={(event) => change({ ...draft, isBad: event.currentTarget.checked })}
        />
        <span>{draft.version} is bad: it must not come back by itself</span>
      </label>
    )}
  </>
);

/** Of several requests for one version and target, who asked and the digest say which one this is. */
const RequestSummary = ({ request }: { readonly request: ApprovalView }) => (
  <>
    <p>
      {request.requestedBy} asked <Age since={request.requestedAt} /> ago for{" "}
      <code title={request.digest}>{shortHash(request.digest)}</code>
    </p>
    <Emergency why={request.emergency} />
  </>
);

interface ActFieldsProps {
  readonly draft: Draft;
  readonly view: PipelineView | null;
  readonly change: (draft: Draft) => void;
}

/** The fields of a dialog that acts. */
export function ActFields({ draft, view, change }: ActFieldsProps) {
  if (draft.kind === "train") return <ScenarioField draft={draft} change={change} />;
  if (draft.kind === "promote") return <PromoteFields draft={draft} view={view} change={change} />;
  const request = requestOf(draft, view);
  return (
    <>
      {request && <RequestSummary request={request} />}
      {draft.kind === "revert" && <RevertField draft={draft} change={change} />}
      {draft.kind === "freeze" && <p>While it lasts, no version is promoted. Training and testing go on.</p>}
      <TextField label={textLabels[draft.kind]} text={draft.text} change={(text) => change({ ...draft, text })} />
    </>
  );
}
