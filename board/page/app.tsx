import { useEffect, useState } from "preact/hooks";
import { pageTitles } from "../../lib/page-titles";
import type { OidcProvider, OidcView, SessionView } from "../api";
import { finishSignIn } from "./api/oidc";
import { getJson, signIn, signOut } from "./api/requests";
import { ActDialog } from "./components/act-dialog";
import { Header } from "./components/header";
import { Icon } from "./components/icon";
import { Links } from "./components/links";
import { SignInDialog } from "./components/sign-in-dialog";
import { Loading } from "./components/states";
import { Toast } from "./components/toast";
import { ClockOffset } from "./hooks/use-clock";
import { usePipeline } from "./hooks/use-pipeline";
import { useRoute } from "./hooks/use-route";
import type { Draft } from "./state/acts";
import { placeholderOf, routeAddress } from "./state/route";
import { History } from "./views/history";
import { Models } from "./views/models";
import { Pipeline } from "./views/pipeline";

/** Which dialog is open. A draft behind the sign-in opens once the person is known. */
type Open =
  | { readonly dialog: "act"; readonly draft: Draft }
  | { readonly dialog: "sign-in"; readonly next: Draft | null; readonly problem?: string };

const titles = { pipeline: "Pipeline", models: "Models", history: "History" };

/** The whole page. */
export function App() {
  const { view, connection, clockOffset, events } = usePipeline();
  const route = useRoute();
  const placeholder = placeholderOf(route);
  const [username, setUsername] = useState<string | null>(null);
  const [provider, setProvider] = useState<OidcProvider | null>(null);
  const [open, setOpen] = useState<Open | null>(null);
  const [sentence, setSentence] = useState("");

  useEffect(() => {
    getJson<SessionView>("/api/session").then(
      (session) => setUsername(session.username),
      // The stream says what is wrong with the server. A sign-in works as soon as it is back.
      () => setUsername(null),
    );
  }, []);
  useEffect(() => {
    const comeBack = async (from: OidcProvider) => {
      const token = await finishSignIn(from);
      if (token === null) return;
      const session = await signIn(token);
      setUsername(session.username);
      setSentence(`You are signed in as ${session.username}.`);
    };
    getJson<OidcView>("/api/oidc").then(
      (found) => {
        setProvider(found.provider);
        if (found.provider)
          comeBack(found.provider).catch(({ message }: Error) =>
            setOpen({ dialog: "sign-in", next: null, problem: message }),
          );
      },
      // A token signs in as well.
      () => setProvider(null),
    );
  }, []);
  useEffect(() => {
    document.title = `${titles[route.view]} · GourmetGram`;
    scrollTo(0, 0);
  }, [route.view]);

  const act = (draft: Draft) => setOpen(username ? { dialog: "act", draft } : { dialog: "sign-in", next: draft });
  const close = () => setOpen(null);
  const leave = () =>
    signOut().then(
      () => setUsername(null),
      (error: Error) => setSentence(error.message),
    );

  return (
    <ClockOffset.Provider value={clockOffset}>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the content
      </button>
      <Header
        current={route.view}
        connection={connection}
        seen={view?.at ?? null}
        username={username}
        signIn={() => setOpen({ dialog: "sign-in", next: null })}
        signOut={leave}
        train={() => act({ kind: "train", scenario: "normal" })}
      />
      <main id="content" tabIndex={-1}>
        {placeholder && (
          <div class="notice notice-placeholder" role="status">
            <Icon name="arrow" />
            <p>
              <strong>You came from the address of {pageTitles[placeholder]}.</strong> Its web page is not in this local
              build, since its published Go module comes without it. The board shows the same runs and environments.
            </p>
            <a class="button small quiet" href={routeAddress(route.view)}>
              Close
            </a>
          </div>
        )}
        {route.view === "pipeline" && <h1 class="visually-hidden">Pipeline</h1>}
        {route.view === "pipeline" && (view ? <Pipeline view={view} act={act} /> : <Loading what="the pipeline" />)}
        {route.view === "models" && <Models route={route} view={view} act={act} />}
        {route.view === "history" && <History route={route} view={view} />}
      </main>
      {view && <Links view={view} />}
      <p class="visually-hidden" aria-live="polite">
        {events.join(" ")}
      </p>
      <Toast sentence={sentence} close={() => setSentence("")} />
      {open?.dialog === "sign-in" && (
        <SignInDialog
          provider={provider}
          problem={open.problem ?? ""}
          close={close}
          signedIn={(session) => {
            setUsername(session.username);
            setOpen(open.next && { dialog: "act", draft: open.next });
          }}
        />
      )}
      {open?.dialog === "act" && (
        <ActDialog
          draft={open.draft}
          view={view}
          username={username}
          close={close}
          signInFirst={(draft) => {
            setUsername(null);
            setOpen({ dialog: "sign-in", next: draft });
          }}
          done={(said) => {
            close();
            setSentence(said);
          }}
        />
      )}
    </ClockOffset.Provider>
  );
}
