/** Signing in at an OIDC provider: the authorization code flow with PKCE, by a client that has no secret. */
import {
  type AuthorizationServer,
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  discoveryRequest,
  generateRandomCodeVerifier,
  generateRandomNonce,
  generateRandomState,
  None,
  processAuthorizationCodeResponse,
  processDiscoveryResponse,
  validateAuthResponse,
} from "oauth4webapi";
import type { OidcProvider } from "../../api";
import { signInProblem } from "../state/oidc";

/** What this tab remembers while the person is at the provider. */
interface Attempt {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  /** Where the person was on the board. */
  readonly hash: string;
}

const key = "board-sign-in";
const redirectUri = () => `${location.origin}/`;

/** Leaves the page for the provider's. @throws with a sentence if that cannot be */
export async function beginSignIn(provider: OidcProvider): Promise<void> {
  if (!isSecureContext)
    throw new Error("A browser signs in there only from a board that is opened with https or as localhost.");
  const server = await discover(provider);
  const attempt: Attempt = {
    verifier: generateRandomCodeVerifier(),
    state: generateRandomState(),
    nonce: generateRandomNonce(),
    hash: location.hash,
  };
  sessionStorage.setItem(key, JSON.stringify(attempt));
  const address = new URL(server.authorization_endpoint!);
  const parameters = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: redirectUri(),
    scope: ["openid", ...provider.scopes].join(" "),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await calculatePKCECodeChallenge(attempt.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  location.assign(address);
}

/**
 * The ID token, where the provider has sent the person back to this page. It is kept nowhere.
 * @returns null for a page that was opened in another way
 * @throws with a sentence if the person is not signed in
 */
export async function finishSignIn(provider: OidcProvider): Promise<string | null> {
  const answer = new URL(location.href);
  if (!answer.searchParams.has("state")) return null;
  const attempt = JSON.parse(sessionStorage.getItem(key) ?? "null") as Attempt | null;
  sessionStorage.removeItem(key);
  // The code counts once.
  history.replaceState(null, "", `/${attempt?.hash ?? ""}`);
  if (!attempt || answer.searchParams.get("state") !== attempt.state)
    throw new Error("This sign-in did not begin in this tab, so it does not count: begin it again.");
  const server = await discover(provider);
  return exchange(provider, server, answer, attempt).catch(rethrow(provider));
}

async function exchange(
  { clientId }: OidcProvider,
  server: AuthorizationServer,
  answer: URL,
  { state, verifier, nonce }: Attempt,
): Promise<string> {
  const client = { client_id: clientId };
  const code = validateAuthResponse(server, client, answer, state);
  const response = await authorizationCodeGrantRequest(server, client, None(), code, redirectUri(), verifier);
  const checks = { expectedNonce: nonce, requireIdToken: true };
  return (await processAuthorizationCodeResponse(server, client, response, checks)).id_token!;
}

/** The provider's own description. The page's policy lets it ask only where the issuer is. */
async function discover(provider: OidcProvider): Promise<AuthorizationServer> {
  const issuer = new URL(provider.issuer);
  const server = await discoveryRequest(issuer)
    .then((response) => processDiscoveryResponse(issuer, response))
    .catch(rethrow(provider));
  for (const name of ["authorization_endpoint", "token_endpoint"] as const)
    if (!server[name]?.startsWith("https://")) throw new Error(`${issuer.host} names no ${name} with https.`);
  if (new URL(server.token_endpoint!).origin !== issuer.origin)
    throw new Error(`The board asks ${issuer.host} alone, which gives its tokens elsewhere: use a token.`);
  return server;
}

const rethrow =
  ({ issuer }: OidcProvider) =>
  (error: unknown): never => {
    throw new Error(signInProblem(error, issuer, location.origin));
  };
