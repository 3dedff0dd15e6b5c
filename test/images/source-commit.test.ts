import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { sourceCommit } from "../../image-builder/source-commit";

let root: string;
const git = (...args: string[]) =>
  execFileSync("git", ["-C", root, "-c", "user.name=a", "-c", "user.email=a@example.test", ...args])
    .toString()
    .trim();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "source-"));
  mkdirSync(join(root, "app"));
  writeFileSync(join(root, "app", "server.py"), "1");
});
afterEach(() => rmSync(root, { recursive: true }));

it("is the commit that last changed the folder, whatever else changed since", async () => {
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "app");
  const commit = git("rev-parse", "HEAD");
  writeFileSync(join(root, "README.md"), "more");
  git("add", ".");
  git("commit", "--quiet", "--message", "more");
  expect(await sourceCommit(join(root, "app"))).toBe(commit);
});

it("is nobody's where the folder was changed since, or in no repository", async () => {
  expect(await sourceCommit(join(root, "app"))).toBe("");
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "app");
  writeFileSync(join(root, "app", "server.py"), "2");
  expect(await sourceCommit(join(root, "app"))).toBe("");
});
