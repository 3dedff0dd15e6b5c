import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readStackFile } from "../../config";
import { startedAt } from "../../local/cluster/processes";
import { readLocalImages } from "../../local/toolchain/third-party-images/images-file";
import { destroy, diagnostics, preview, recoverFromKill, summary, up } from "../../stacks/local-stack";

const failed = `Updating (staging):
 +  kubernetes:core/v1:Namespace argo creating (0s)
Diagnostics:
  kubernetes:core/v1:Namespace (argo):
    error: it is being deleted

Resources:
    + 3 created

Duration: 4s
`;

describe("what is shown of Pulumi's output", () => {
  it("counts the resources in one line", () => {
    expect(
      summary("Resources:\n    + 3 created\n    ~ 1 updated\n    4 changes. 151 unchanged\n\nDuration: 4s\n"),
    ).toBe("3 created, 1 updated, 151 unchanged");
    expect(summary("nothing of the kind")).toBe("");
  });

  it("is the diagnostics of a failure", () => {
    expect(diagnostics(failed)).toBe(
      "Diagnostics:\n  kubernetes:core/v1:Namespace (argo):\n    error: it is being deleted\n",
    );
  });

  it("is its end where there are none", () => expect(diagnostics("a\nerror: no stack")).toBe("a\nerror: no stack"));
});

describe("the locks on a stack", () => {
  let state: string;
  const locks = (stack: string) =>
    join(state, "pulumi-backend", ".pulumi", "locks", "organization", "gourmetgram", stack);
  const gone = spawnSync("true").pid;

  function lock(stack: string, name: string, pid: number, timestamp = new Date().toISOString()): void {
    mkdirSync(locks(stack), { recursive: true });
    writeFileSync(
      join(locks(stack), `${name}.json`),
      JSON.stringify({ pid, username: "root", hostname: "elsewhere", timestamp }),
    );
    writeFileSync(join(locks(stack), `${name}.json.attrs`), "{}");
  }

  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "stack-"));
    vi.stubEnv("GOURMETGRAM_STATE", state);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(state, { recursive: true });
  });

  it("go where their owner is gone, and those of another stack stay", () => {
    lock("staging", "a", gone);
    lock("staging", "b", gone);
    lock("other", "c", gone);
    recoverFromKill("staging");
    expect(readdirSync(locks("staging"))).toEqual([]);
    expect(readdirSync(locks("other"))).toEqual(["c.json", "c.json.attrs"]);
  });

  it("go where a younger process has their owner's number", () => {
    lock("staging", "a", process.pid, new Date(startedAt(process.pid)! - 60_000).toISOString());
    recoverFromKill("staging");
    expect(readdirSync(locks("staging"))).toEqual([]);
  });

  it("go where they were cut off while they were written, since Pulumi stops at those too", () => {
    lock("staging", "a", gone);
    writeFileSync(join(locks("staging"), "b.json.1769850000.tmp"), "");
    writeFileSync(join(locks("staging"), "c.json"), '{"pid": 12');
    recoverFromKill("staging");
    expect(readdirSync(locks("staging"))).toEqual([]);
  });

  it("stay while their owner runs", () => {
    lock("staging", "a", process.pid);
    expect(() => recoverFromKill("staging")).toThrow(
      new Error(`Pulumi is running on the stack staging (process ${process.pid}): wait for it, then run this again.`),
    );
    expect(readdirSync(locks("staging"))).toEqual(["a.json", "a.json.attrs"]);
  });

  it("need not be there", () => expect(() => recoverFromKill("staging")).not.toThrow());

  it.each(["", '{"user.content_type":"te'])("leave no attributes of a state that were cut off: %j", (text) => {
    const stacks = join(state, "pulumi-backend/.pulumi/stacks/gourmetgram");
    mkdirSync(stacks, { recursive: true });
    for (const [name, content] of [
      ["staging.json", "{}"],
      ["staging.json.attrs", text],
      ["staging.json.bak", "{}"],
      ["staging.json.bak.attrs", '{"user.cache_control":""}'],
      ["other.json.attrs", text],
    ])
      writeFileSync(join(stacks, name), content);
    recoverFromKill("staging");
    expect(readdirSync(stacks).sort()).toEqual([
      "other.json.attrs",
      "staging.json",
      "staging.json.bak",
      "staging.json.bak.attrs",
    ]);
  });

  it("know when a process began", () => {
    expect(Math.abs(startedAt(process.pid)! - (Date.now() - process.uptime() * 1000))).toBeLessThan(2_000);
    expect(startedAt(gone)).toBeUndefined();
  });
});

describe("an update after a destroy", () => {
  let folder: string;
  const program = (...lines: string[]) =>
    writeFileSync(
      join(folder, "cache", "bin", "pulumi"),
      [
        "#!/bin/sh",
        'echo "$1 $*, skips checkpoints: ${PULUMI_SKIP_CHECKPOINTS:-no}" >> "$GOURMETGRAM_STATE/said"',
        ...lines,
      ].join("\n"),
      { mode: 0o755 },
    );
  const said = () =>
    readFileSync(join(folder, "said"), "utf8")
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0], line.includes(" --refresh "), /checkpoints: (.*)/.exec(line)![1]]);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stack-"));
    mkdirSync(join(folder, "cache", "bin"), { recursive: true });
    vi.stubEnv("GOURMETGRAM_STATE", folder);
    vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it("refreshes only after a killed destroy, which writes its state at its end alone", async () => {
    program("kill -9 $$");
    await expect(destroy("staging", () => undefined)).rejects.toThrow("pulumi destroy did not finish");
    program();
    for (const command of [up, up, destroy, up]) await command("staging", () => undefined);
    expect(said()).toEqual([
      ["destroy", false, "true"],
      ["up", true, "no"],
      ["up", false, "no"],
      ["destroy", false, "true"],
      ["up", false, "no"],
    ]);
  });
});

describe("what a preview needs", () => {
  beforeEach(() => vi.stubEnv("GOURMETGRAM_STATE", "/nonexistent"));
  afterEach(() => vi.unstubAllEnvs());

  it("is the stack's file, and whether it names the local cluster", () => {
    expect(readStackFile("staging")).toMatchObject({
      isLocal: true,
      file: { config: { "gourmetgram:cluster": { context: "gourmetgram-local" } } },
    });
    expect(() => readStackFile("nowhere")).toThrow(
      new Error(
        "There is no stack file Pulumi.nowhere.yaml: name another stack in GOURMETGRAM_STACK, or write that file.",
      ),
    );
  });

  it("is a stack to compare with", async () => {
    await expect(preview("staging", {}, [])).rejects.toThrow(
      new Error(
        "There is no stack staging on this machine to compare with: " +
          "run npm start first, or name another stack in GOURMETGRAM_STACK.",
      ),
    );
  });

  it("is the images of the last start", () =>
    expect(() => readLocalImages()).toThrow(new Error("The local cluster has no images yet: run npm start first.")));
});
