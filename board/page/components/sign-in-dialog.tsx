import { useState } from "preact/hooks";
import type { SessionView } from "../../api";
import { signIn } from "../api/requests";
import { Dialog } from "./dialog";

interface SignInProps {
  readonly signedIn: (session: SessionView) => void;
  readonly close: () => void;
}

/** Asks for a Kubernetes token. */
export function SignInDialog({ signedIn, close }: SignInProps) {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      signedIn(await signIn(token.trim()));
    } catch (problem) {
      setError((problem as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Sign in" close={close}>
      <form onSubmit={submit}>
        <p>
          The board acts under your name: the API server decides what you may do, as it does for <code>kubectl</code>.
          The board itself has no right to change anything.
        </p>
        <label>
          <span>Kubernetes token</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p class="hint">
          To get one, run <code>kubectl create token &lt;account&gt;</code>. It is kept encrypted in this browser for at
          most eight hours.
        </p>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={isBusy || token.trim() === ""}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}
