import { afterAll, expect, vi } from "vitest";

// A process runs many files: what one leaves behind would be there for the next, and in another order for another.
const state = () => ({ environment: { ...process.env }, folder: process.cwd(), fetch: globalThis.fetch });
const before = state();

afterAll(() => {
  expect(state(), "what the file leaves behind").toEqual(before);
  expect(vi.isFakeTimers(), "whether the file leaves a fake clock behind").toBe(false);
});
