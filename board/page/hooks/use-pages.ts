import { useEffect, useRef, useState } from "preact/hooks";

interface Page<T> {
  readonly rows: readonly T[];
  readonly hasOlder: boolean;
}

export interface Pages<T> {
  /** null until the first page has come. */
  readonly rows: readonly T[] | null;
  readonly hasOlder: boolean;
  readonly error: string | null;
  /** Asks for the next page, unless one is on its way, there is none, or the last question failed. */
  readonly loadOlder: () => void;
}

interface PagesOf<T> {
  /** Begins anew when it differs, as for another environment. */
  readonly key: string;
  /** Asks for the newest page again when it differs, and keeps the others. */
  readonly change: string;
  /** @param last the oldest row so far; undefined for the newest page */
  readonly load: (last: T | undefined) => Promise<Page<T>>;
  readonly merge: (loaded: readonly T[], more: readonly T[]) => readonly T[];
}

interface State<T> extends Omit<Pages<T>, "loadOlder"> {
  readonly key: string;
}

/** A long list that comes page by page, as a person scrolls. */
export function usePages<T>({ key, change, load, merge }: PagesOf<T>): Pages<T> {
  const [state, setState] = useState<State<T>>({ key, rows: null, hasOlder: false, error: null });
  const isLoading = useRef(false);
  const wanted = useRef(key);
  wanted.current = key;

  const take = async (last: T | undefined) => {
    isLoading.current = true;
    try {
      const page = await load(last);
      if (wanted.current !== key) return;
      setState((before) => {
        const loaded = before.key === key ? (before.rows ?? []) : [];
        // The newest page says nothing of what is older than the pages before it.
        const hasOlder = last === undefined && loaded.length > page.rows.length ? before.hasOlder : page.hasOlder;
        return { key, rows: merge(loaded, page.rows), hasOlder, error: null };
      });
    } catch (error) {
      if (wanted.current === key) setState((before) => ({ ...before, error: (error as Error).message }));
    } finally {
      isLoading.current = false;
    }
  };

  useEffect(() => {
    take(undefined);
  }, [key, change]);

  const isCurrent = state.key === key;
  const loadOlder = () => {
    if (isCurrent && state.hasOlder && state.error === null && !isLoading.current) take(state.rows?.at(-1));
  };
  return { rows: isCurrent ? state.rows : null, hasOlder: isCurrent && state.hasOlder, error: state.error, loadOlder };
}
