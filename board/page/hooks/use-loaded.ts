import { useEffect, useState } from "preact/hooks";

/** What was asked for, as far as it has come. An older answer stays until the newer one is there. */
export interface Loaded<T> {
  readonly value: T | null;
  /** Why the newest question got no answer; null while it may still come, and once it has. */
  readonly error: string | null;
}

/** Asks whenever the key changes. @param load gets a signal that is aborted when its answer is no longer wanted */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: null, error: null });
  useEffect(() => {
    const abort = new AbortController();
    load(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setLoaded({ value, error: null });
      },
      (error: Error) => {
        if (!abort.signal.aborted) setLoaded(({ value }) => ({ value, error: error.message }));
      },
    );
    return () => abort.abort();
  }, [key]);
  return loaded;
}
