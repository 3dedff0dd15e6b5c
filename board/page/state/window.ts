/** Rows of a long table that are drawn, and the height of those that are not, in pixels. */
export interface RowWindow {
  /** Index of the first drawn row. */
  readonly first: number;
  /** Index after the last drawn row. */
  readonly end: number;
  readonly before: number;
  readonly after: number;
}

/** Rows drawn above and below those that are seen, so that a scroll meets no gap. */
const overscan = 8;

/** @param scrolled, seen position and height of the visible part, in pixels */
export function rowWindow(count: number, rowHeight: number, scrolled: number, seen: number): RowWindow {
  const top = Math.floor(Math.max(0, scrolled) / rowHeight);
  const first = Math.max(0, Math.min(top, count) - overscan);
  const end = Math.min(count, top + Math.ceil(seen / rowHeight) + overscan);
  return {
    first,
    end: Math.max(first, end),
    before: first * rowHeight,
    after: (count - Math.max(first, end)) * rowHeight,
  };
}

/** Whether the last drawn rows are so near to the end that older ones should be fetched. */
export const isNearEnd = (count: number, { end }: RowWindow): boolean => count - end < overscan * 2;
