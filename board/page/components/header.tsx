import type { Connection } from "../state/connection";
import { connectionText } from "../state/connection";
import { routeAddress, type ViewName, viewNames } from "../state/route";
import { Icon } from "./icon";
import { Person } from "./person";

const labels: Readonly<Record<ViewName, string>> = { pipeline: "Pipeline", models: "Models", history: "History" };

const Logo = () => (
  <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect class="logo-ground" width="32" height="32" rx="8" />
    <path class="logo-line" d="M8 16h16" />
    <circle class="logo-dot" cx="8" cy="16" r="3.5" />
    <circle class="logo-ring" cx="16" cy="16" r="3.5" />
    <circle class="logo-dot" cx="24" cy="16" r="3.5" />
  </svg>
);

interface HeaderProps {
  readonly current: ViewName;
  readonly connection: Connection;
  /** When the server made what the page shows; null for nothing. */
  readonly seen: string | null;
  /** null while nobody is signed in. */
  readonly username: string | null;
  readonly signIn: () => void;
  readonly signOut: () => void;
  readonly train: () => void;
}

/** The bar above each view. */
export function Header({ current, connection, seen, username, signIn, signOut, train }: HeaderProps) {
  return (
    <header class="bar-top">
      <a class="brand" href={routeAddress("pipeline")} aria-label="GourmetGram">
        <Logo />
        <span>GourmetGram</span>
      </a>
      <nav aria-label="Views">
        {viewNames.map((name) => (
          <a key={name} href={routeAddress(name)} aria-current={name === current ? "page" : undefined}>
            {labels[name]}
          </a>
        ))}
      </nav>
      <p class={`connection connection-${connection.kind}`} role="status">
        <span class="connection-dot" aria-hidden="true" />
        <span>{connectionText(connection, seen)}</span>
      </p>
      <div class="session">
        {username ? (
          <>
            <span class="username">
              <Icon name="person" /> <Person username={username} />
            </span>
            <button type="button" class="small quiet" onClick={signOut}>
              Sign out
            </button>
          </>
        ) : (
          <button type="button" class="small" onClick={signIn}>
            Sign in
          </button>
        )}
        <button type="button" class="small primary" onClick={train}>
          Train …
        </button>
      </div>
    </header>
  );
}
