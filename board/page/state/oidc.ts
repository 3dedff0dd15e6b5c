import { AuthorizationResponseError, OperationProcessingError, ResponseBodyError } from "oauth4webapi";

/** Why nobody could be signed in at a provider, in a sentence that says what to do. @param origin the page's own */
export function signInProblem(error: unknown, issuer: string, origin: string): string {
  const { host } = new URL(issuer);
  if (error instanceof AuthorizationResponseError && error.error === "access_denied")
    return `You have not let ${host} tell the board who you are: sign in again, or use a token.`;
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError)
    return `${host} refused the sign-in: ${error.error_description ?? error.error}.`;
  if (error instanceof OperationProcessingError) return `What ${host} answered is not right: ${error.message}.`;
  // A browser tells a page no more than that.
  if (error instanceof TypeError) return `${host} did not answer, or does not let pages of ${origin} ask it (CORS).`;
  return (error as Error).message;
}
