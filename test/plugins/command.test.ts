import { mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandProvider } from "../../local/plugins/command-provider";
import type { Target } from "../../local/plugins/protocol";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "gourmetgram-command-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const target = (changed: Partial<Target> = {}): Target => ({
  urn: "urn",
  type: "command:local:Command",
  name: "it",
  id: "id",
  timeoutSeconds: 0,
  preview: false,
  ...changed,
});

describe("a command", () => {
  it("runs with its directory, environment and input, and answers with what it printed", async () => {
    writeFileSync(join(dir, "file"), "in the file\n");
    const { outputs } = await new CommandProvider().create(target(), {
      create: 'cat file; cat; echo "$WHO"; echo aside >&2',
      dir,
      environment: { WHO: "me" },
      stdin: "typed\n",
    });
    expect(outputs).toMatchObject({ stdout: "in the file\ntyped\nme", stderr: "aside" });
  });

  it("does not run in a preview", async () => {
    const { outputs } = await new CommandProvider().create(target({ preview: true }), { create: `touch ${dir}/made` });
    expect(outputs).not.toHaveProperty("stdout");
    expect(() => readFileSync(join(dir, "made"))).toThrow();
  });

  it("gets what it printed before, and runs its create command again where it has no other", async () => {
    const create = 'echo "after: $PULUMI_COMMAND_STDOUT"';
    const command = new CommandProvider();
    const old = { create, stdout: "first" };
    await expect(command.update(target(), {}, old, { create })).resolves.toMatchObject({
      outputs: { stdout: "after: first" },
    });
    await expect(command.update(target(), {}, old, { create, addPreviousOutputInEnv: false })).resolves.toMatchObject({
      outputs: { stdout: "after: " },
    });
    await expect(command.update(target(), {}, old, { create, update: "echo other" })).resolves.toMatchObject({
      outputs: { stdout: "other" },
    });
  });

  it("is undone by its delete command", async () => {
    await new CommandProvider().delete(
      target(),
      { delete: `echo "$PULUMI_COMMAND_STDOUT" > ${dir}/gone` },
      { stdout: "made" },
    );
    expect(readFileSync(join(dir, "gone"), "utf8")).toBe("made\n");
    await new CommandProvider().delete(target(), {}, {});
  });

  it("that fails says how, with its last lines", async () => {
    const command = new CommandProvider();
    await expect(command.create(target(), { create: "echo reading; echo 'no such dish' >&2; exit 3" })).rejects.toThrow(
      /^it: its create command ended with exit code 3\n[^]*no such dish/,
    );
    await expect(command.create(target(), { create: "true", dir: join(dir, "nowhere") })).rejects.toThrow(
      "could not be started",
    );
    await expect(command.create(target({ timeoutSeconds: 0.2 }), { create: "sleep 30" })).rejects.toThrow(
      "took longer than 0.2 s",
    );
  });

  it("ends with all that it started when the update is cancelled", async () => {
    const command = new CommandProvider();
    const begun = new Promise<void>((resolve) => {
      const watcher = watch(dir, (_, name) => name === "begun" && (watcher.close(), resolve()));
    });
    const created = command.create(target(), {
      create: `sh -c 'trap "touch ${dir}/ended; exit" TERM; touch ${dir}/begun; while :; do sleep 0.05; done'`,
    });
    await begun;
    command.cancel();
    await expect(created).rejects.toThrow("was cancelled");
    expect(readFileSync(join(dir, "ended"), "utf8")).toBe("");
  });

  it("is replaced when a trigger changes, and updated otherwise", async () => {
    const { changes } = await new CommandProvider().diff(
      target(),
      { create: "a", triggers: ["1"] },
      {},
      { create: "b", triggers: ["2"] },
    );
    expect(Object.fromEntries(changes)).toEqual({
      create: { kind: "update", replace: false },
      "triggers[0]": { kind: "update", replace: true },
    });
  });
});
