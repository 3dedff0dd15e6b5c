import { wrapped } from "./wrapped";

/**
 * Columns as wide as their widest cell, two blanks apart. Where that is wider than the terminal, the last cell of each
 * row stands below it. Whoever reads from a pipe gets one line for each row.
 * @param columns width of the terminal in characters
 */
export function table(head: string[], rows: string[][], columns = process.stdout.columns ?? Infinity): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const inOneLine = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd();
  const lines = [head, ...rows].map(inOneLine);
  if (lines.every(({ length }) => length <= columns)) return lines.join("\n");
  return [head, ...rows]
    .flatMap((row) => [inOneLine(row.slice(0, -1)), ...wrapped(row.at(-1)!, columns, "  ")])
    .join("\n");
}
