import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";

const maximum = 120;
const isSource = (path: string) => /\.(ts|mjs|cjs|py|ya?ml|go)$|^\.ci\//.test(path);
/** Output that tools recorded or the program wrote, and tests of such output. */
const isRecorded = (path: string) => /(^|\/)(recorded|golden|invalid-stacks|test\/cli\/review)\//.test(path);
const holdsUrlOrDigest = (line: string) => /https?:\/\/|sha256:|[0-9a-f]{32}/.test(line);

/** `file:line` of each line that is too long. */
function tooLong(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const { length } = [...line];
    return length > maximum && !holdsUrlOrDigest(line) ? `${path}:${index + 1} has ${length} columns` : [];
  });
}

it(`no line is longer than ${maximum} columns`, async () => {
  const listed = await exec("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"], {
    cwd: repositoryRoot,
  });
  const deleted = (await exec("git", ["ls-files", "--deleted", "-z"], { cwd: repositoryRoot })).split("\0");
  const paths = listed
    .split("\0")
    .filter((path) => isSource(path) && !isRecorded(path) && !deleted.includes(path))
    .sort();
  expect(paths.length).toBeGreaterThan(200);
  expect(paths.flatMap((path) => tooLong(path, readFileSync(join(repositoryRoot, path), "utf8")))).toEqual([]);
});

it("a long line would be found, unless it holds a URL or a digest", () => {
  const long = "é".repeat(maximum);
  expect(tooLong("a.ts", `${long}\n${long}b`)).toEqual([`a.ts:2 has ${maximum + 1} columns`]);
  expect(tooLong("a.ts", `${long} https://example.test`)).toEqual([]);
  expect(tooLong("a.ts", `${long} sha256:${"0".repeat(64)}`)).toEqual([]);
});
