import { expect, it } from "vitest";
import { counted } from "../../lib/counted";
import { listed } from "../../lib/listed";

it.each([
  [0, "0 restarts"],
  [1, "1 restart"],
  [2, "2 restarts"],
])("counts %i in the right form", (count, text) => expect(counted(count, "restart")).toBe(text));

it("takes the plural that is no mere s", () =>
  expect([counted(1, "query", "queries"), counted(3, "query", "queries")]).toEqual(["1 query", "3 queries"]));

it.each([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a and b"],
  [["a", "b", "c"], "a, b and c"],
])("lists %j", (words, text) => expect(listed(words)).toBe(text));
