import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isNearEnd, rowWindow } from "../state/window";

/** Height of a row in pixels, as `--row` in styles/table.css. */
const rowHeight = 52;

interface WindowedTableProps<T> {
  /** What the table lists, for people who hear it. */
  readonly label: string;
  /** Heads of the columns; the class of a column is on its head and its cells. */
  readonly head: ComponentChildren;
  readonly columns: number;
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** The cells of a row. */
  readonly cells: (row: T) => ComponentChildren;
  readonly rowClass?: (row: T) => string;
  /** Called, also again, while the scroll is near the last row. */
  readonly nearEnd: () => void;
}

/** An empty row in the place of the rows that are not drawn. */
function Spacer({ height, columns }: { readonly height: number; readonly columns: number }) {
  const cell = useRef<HTMLTableCellElement>(null);
  useLayoutEffect(() => cell.current?.style.setProperty("height", `${height}px`), [height]);
  return (
    <tr class="spacer">
      <td ref={cell} colSpan={columns} />
    </tr>
  );
}

/** A table that draws the rows which are seen, so that thousands scroll as a few do. */
export function WindowedTable<T>(props: WindowedTableProps<T>) {
  const { label, head, columns, rows, keyOf, cells, rowClass, nearEnd } = props;
  const box = useRef<HTMLElement>(null);
  const [place, setPlace] = useState({ scrolled: 0, seen: 800 });
  const drawn = rowWindow(rows.length, rowHeight, place.scrolled, place.seen);
  const measure = () => {
    if (!box.current) return;
    const { scrollTop, clientHeight: seen } = box.current;
    const scrolled = scrollTop - (scrollTop % rowHeight);
    // Nothing is drawn again within a row.
    setPlace((before) => (before.scrolled === scrolled && before.seen === seen ? before : { scrolled, seen }));
  };
  // The box grows with its rows.
  useEffect(measure, [rows.length]);
  useEffect(() => {
    if (isNearEnd(rows.length, drawn)) nearEnd();
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be within reach of the keyboard
    <section ref={box} class="table-box" tabIndex={0} aria-label={label} onScroll={measure}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody>
          {drawn.before > 0 && <Spacer height={drawn.before} columns={columns} />}
          {rows.slice(drawn.first, drawn.end).map((row, index) => (
            <tr key={keyOf(row)} aria-rowindex={drawn.first + index + 2} class={rowClass?.(row)}>
              {cells(row)}
            </tr>
          ))}
          {drawn.after > 0 && <Spacer height={drawn.after} columns={columns} />}
        </tbody>
      </table>
    </section>
  );
}
