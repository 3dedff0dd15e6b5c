import { isTransient } from "./kube-client";

/** How long a command waits for an API server that is away, and how often it looks, in milliseconds. */
export interface Patience {
  readonly bound: number;
  readonly interval: number;
}

export const usualPatience: Patience = { bound: 60_000, interval: 1000 };

/** What a person sees while the API server is waited for. @param bound milliseconds */
export const waitLine = (reason: string, bound = usualPatience.bound): string =>
  `… waits up to ${Math.round(bound / 1000)} s for the API server: ${reason}`;

/**
 * Does something that may be done twice, again and again while the API server is unreachable or overloaded.
 * @param tell is called once, with the reason, if it has to be waited for
 * @throws an error that is not transient at once, and a transient one at the bound
 */
export async function patiently<T>(
  work: () => Promise<T>,
  tell: (reason: string) => void,
  { bound, interval }: Patience = usualPatience,
): Promise<T> {
  const begun = Date.now();
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || Date.now() - begun + interval > bound) throw error;
      if (isFirst) tell((error as Error).message);
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  }
}
