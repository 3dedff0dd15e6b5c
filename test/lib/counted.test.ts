import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { counted } from "../../lib/counted";
import { listed } from "../../lib/listed";
import { repositoryRoot } from "../../lib/paths";

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

it("is what every room counts by: no sentence leaves its plural to the reader", () => {
  const rooms = ["bench", "board", "cli", "client", "components", "config", "image-builder", "images", "lib", "local"];
  const folders = [...rooms, "monitoring", "policy", "stacks", "workflows"];
  const files = folders.flatMap((folder) =>
    readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(tsx?|py|ya?ml)$/.test(file))
      .map((file) => join(folder, file)),
  );
  expect(files.length).toBeGreaterThan(400);
  const left = files.filter((file) => /[a-z]\(s\)[ .,;:"'`]/.test(readFileSync(join(repositoryRoot, file), "utf8")));
  expect(left).toEqual([]);
});
