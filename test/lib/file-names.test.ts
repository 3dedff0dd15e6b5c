import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: repositoryRoot,
  encoding: "utf8",
}).split("\n");

describe("a TypeScript file", () => {
  it("has no file beside it that Node.js, under Pulumi, would import in its place", () => {
    const modules = new Set(files.filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3)));
    const instead = files.filter((file) => /[.](js|json|node)$/.test(file) && modules.has(file.replace(/[.]\w+$/, "")));
    expect(instead).toEqual([]);
  });
});
