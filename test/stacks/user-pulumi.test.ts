import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandError } from "../../lib/exec";
import { jsonPreviewWithUserPulumi, previewWithUserPulumi } from "../../stacks/user-pulumi";

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "user-pulumi-"));
});
afterEach(() => rmSync(bin, { recursive: true }));

/** The preview of a stack by a `pulumi` that ends like this. */
async function previewBy(script: string): Promise<string[]> {
  writeFileSync(join(bin, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const lines: string[] = [];
  await jsonPreviewWithUserPulumi("shadow", ["--json"], { env: { PATH: bin }, onLine: (line) => lines.push(line) });
  return lines;
}

describe("the preview of a stack on the user's cluster", () => {
  it("is what pulumi prints", async () => {
    expect(await previewBy('echo "$@"')).toEqual(["preview --stack shadow --non-interactive --json"]);
  });

  it("says how to make a stack that is not there yet", async () => {
    await expect(previewBy(`echo "error: no stack named 'shadow' found" >&2; exit 6`)).rejects.toThrow(
      new Error(
        "there is no stack shadow to compare with yet: " +
          "make it with pulumi stack init shadow, and commit what that writes to Pulumi.shadow.yaml",
      ),
    );
  });

  it("leaves any other failure to the events", async () => {
    await expect(
      previewBy(
        `echo "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions" >&2; exit 3`,
      ),
    ).rejects.toThrow(CommandError);
  });

  it("says where pulumi comes from, where there is none", async () => {
    await expect(jsonPreviewWithUserPulumi("shadow", [], { env: { PATH: bin } })).rejects.toThrow(
      new Error(
        "pulumi is not installed: " +
          "install it from https://www.pulumi.com/docs/install, log in to your backend, then run this again.",
      ),
    );
  });
});

/** What the preview with the policies hands on of a `pulumi` that ends like this. */
async function policyPreviewBy(script: string): Promise<string[]> {
  writeFileSync(join(bin, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const lines: string[] = [];
  await previewWithUserPulumi("shadow", ["--diff"], { env: { PATH: bin }, onLine: (line) => lines.push(line) });
  return lines;
}

describe("the preview with the policies of a stack on the user's cluster", () => {
  it("hands on what pulumi prints, and leaves none of it to the terminal", async () => {
    expect(await policyPreviewBy('echo "$@"; echo "error: x" >&2')).toEqual([
      "preview --policy-pack policy --stack shadow --non-interactive --diff",
      "error: x",
    ]);
  });

  it("fails without a repetition of the output, which may have secrets", async () => {
    await expect(policyPreviewBy("echo 'DB_PASS=hunter2' >&2; exit 1")).rejects.toThrow(
      new Error("pulumi preview failed: fix what it names above, then run this again."),
    );
  });
});
