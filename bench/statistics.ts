import { percentile } from "../lib/percentile";

/**
 * Runs pieces of work in turn, A B A B …. If the machine slows down, it slows all of them.
 * @returns the seconds of each
 */
export async function inTurn(
  rounds: number,
  pieces: Record<string, () => Promise<unknown>>,
): Promise<Record<string, number[]>> {
  const seconds: Record<string, number[]> = Object.fromEntries(Object.keys(pieces).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, piece] of Object.entries(pieces)) {
      const begun = performance.now();
      await piece();
      seconds[name].push((performance.now() - begun) / 1000);
    }
  }
  return seconds;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Name, median, minimum and maximum, as a row of a table. */
export function row(name: string, values: number[]): string[] {
  return [name, ...[median(values), Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2))];
}

/** For each piece its name, median and 95th percentile in milliseconds, and how many times the first one's median. */
export function besideTheFirst(seconds: Record<string, number[]>): string[][] {
  const first = median(Object.values(seconds)[0]);
  return Object.entries(seconds).map(([name, values]) => [
    name,
    (median(values) * 1000).toFixed(2),
    (percentile(values, 0.95)! * 1000).toFixed(2),
    (median(values) / first).toFixed(2),
  ]);
}

/** Head of a table of {@link fewAndMany}. */
export const fewAndManyHead = (few: string, many: string): string[] => ["", few, many, "TIMES"];

/** Name, what few and what many take, and how many times as much that is, as a row of a table. */
export const fewAndMany = (name: string, few: number, many: number): string[] => [
  name,
  few.toFixed(1),
  many.toFixed(1),
  (many / few).toFixed(2),
];

/** The rows of {@link fewAndMany} in which many take more than `bar` times as much, by name. */
export const namesOver = (bar: number, rows: readonly string[][]): string[] =>
  rows.filter(([, , , times]) => Number(times) > bar).map(([name]) => name);
