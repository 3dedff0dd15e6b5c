import type { Act, ActAnswer, ErrorAnswer, SessionView } from "../../api";

/** An answer of the API that is no answer, with what it said. */
export class RequestError extends Error {
  /** @param status of HTTP; 0 where no answer came */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new RequestError(0, "The board's server did not answer. Is it still running?");
  });
  const body: unknown = await response.json().catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    return null;
  });
  // No answer of the API is `null`: this one was cut off, or something between here and the server answered.
  if (response.ok && body === null)
    throw new RequestError(0, "The board's answer did not come whole. Reload the page.");
  if (response.ok) return body as T;
  const said = body as Partial<ErrorAnswer & ActAnswer> | null;
  throw new RequestError(response.status, said?.error ?? said?.sentence ?? `The server answered ${response.status}.`);
}

const send = <T>(method: string, path: string, body: object): Promise<T> =>
  request(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** @throws RequestError */
export const getJson = <T>(path: string, signal?: AbortSignal): Promise<T> => request(path, { signal });

/** @throws RequestError: with status 401 while nobody is signed in, 403 if the API server refuses it */
export const sendAct = (act: Act): Promise<ActAnswer> => send("POST", "/api/act", act);

/** @throws RequestError if the API server does not know the token, or it has expired */
export const signIn = (token: string): Promise<SessionView> => send("POST", "/api/session", { token });

/** @throws RequestError */
export const signOut = (): Promise<SessionView> => send("DELETE", "/api/session", {});
