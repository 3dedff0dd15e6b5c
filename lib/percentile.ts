/**
 * The smallest value that at least a share of the values does not exceed.
 * @param share 0 to 1
 * @returns null without values
 */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
