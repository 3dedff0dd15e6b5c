import { useState } from "preact/hooks";
import type { PipelineView } from "../../api";
import { RequestError, sendAct } from "../api/requests";
import { actOf, type Draft } from "../state/acts";
import { ActFields, submitWords, titleOf } from "./act-fields";
import { Dialog } from "./dialog";

interface ActDialogProps {
  readonly draft: Draft;
  readonly view: PipelineView | null;
  /** Who acts; null while nobody is signed in. */
  readonly username: string | null;
  readonly done: (sentence: string) => void;
  /** Called with what has been filled in so far. */
  readonly signInFirst: (draft: Draft) => void;
  readonly close: () => void;
}

/** Asks for what an act needs, and sends it. */
export function ActDialog({ draft: first, view, username, done, signInFirst, close }: ActDialogProps) {
  const [draft, setDraft] = useState(first);
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const { act, missing } = actOf(draft);
    setError(missing);
    if (!act) return;
    setBusy(true);
    try {
      done((await sendAct(act)).sentence);
    } catch (problem) {
      if (problem instanceof RequestError && problem.status === 401) return signInFirst(draft);
      setError((problem as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={titleOf(draft, view)} close={close}>
      <form onSubmit={submit} noValidate>
        <ActFields draft={draft} view={view} change={setDraft} />
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-buttons">
          {username && <p class="hint">as {username}</p>}
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class={draft.kind === "reject" || draft.kind === "revert" ? "danger" : "primary"}
            disabled={isBusy}
          >
            {isBusy ? "Sending …" : submitWords[draft.kind]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
