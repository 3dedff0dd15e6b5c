import { useState } from "preact/hooks";
import type { OidcProvider, SessionView } from "../../api";
import { beginSignIn } from "../api/oidc";
import { signIn } from "../api/requests";
import { Dialog } from "./dialog";

interface SignInProps {
  /** Where people sign in beside with a token; null for nowhere. */
  readonly provider: OidcProvider | null;
  /** Why the last try did not work; an empty string for none. */
  readonly problem: string;
  readonly signedIn: (session: SessionView) => void;
  readonly close: () => void;
}

/** Leads to the provider, or asks for a Kubernetes token. */
export function SignInDialog({ provider, problem, signedIn, close }: SignInProps) {
  const [token, setToken] = useState("");
  const [error, setError] = useState(problem);
  const [isBusy, setBusy] = useState(false);
  const attempt = async (sign: () => Promise<void>) => {
    setBusy(true);
    setError("");
    try {
      await sign();
    } catch (reason) {
      setError((reason as Error).message);
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    attempt(async () => signedIn(await signIn(token.trim())));
  };
  return (
    <Dialog title="Sign in" close={close}>
      <form onSubmit={submit}>
        <p>
          The board acts under your name: the API server decides what you may do, as it does for <code>kubectl</code>.
          The board itself has no right to change anything.
        </p>
        {provider && (
          <button
            type="button"
            class="primary sign-in-provider"
            disabled={isBusy}
            onClick={() => attempt(() => beginSignIn(provider))}
          >
            Sign in at {new URL(provider.issuer).host}
          </button>
        )}
        <label>
          <span>{provider ? "Or with a " : ""}Kubernetes token</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p class="hint">
          An administrator gives you one, as “A token that may act” in docs/operate.md says. It is kept encrypted in
          this browser for at most eight hours.
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
