import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

/** Ends a process as one of the two functions does. */
function run(code: string): { status: number | null; stderr: string } {
  const main = JSON.stringify(join(repositoryRoot, "lib", "main"));
  const args = ["--require", "tsx/cjs", "--eval", `const main = require(${main}); ${code}`];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: repositoryRoot, encoding: "utf8" });
  return { status, stderr };
}

describe("a command", () => {
  it("ends with its exit code", () => {
    expect(run("main.runMain(async () => 3)")).toEqual({ status: 3, stderr: "" });
  });

  it("prints the error of a command that it ran", () => {
    const exec = JSON.stringify(join(repositoryRoot, "lib", "exec"));
    const { stderr } = run(`main.runMain(() => require(${exec}).exec("sh", ["-c", "echo full >&2; exit 3"]))`);
    expect(stderr).toBe("`sh -c echo full >&2; exit 3` failed with exit code 3:\nfull\n");
  });

  it("prints an error as one sentence, with the exit code for errors", () => {
    expect(run('main.runMain(async () => { throw new Error("no cluster") }, 2)')).toEqual({
      status: 2,
      stderr: "no cluster\n",
    });
  });
});

describe("a command that is called with something that it does not take", () => {
  it.each([
    ["runMain", ["--foo"], "Unknown option '--foo'\n"],
    ["runPhases", ["5"], "\nUnexpected argument '5'. This command does not take positional arguments\n"],
  ])("says how to see what it takes (%s)", (run, given, message) => {
    const script = run === "runMain" ? "docs" : "stop";
    const call = (...args: string[]) =>
      spawnSync(process.execPath, ["--require", "tsx/cjs", `cli/${script}.ts`, ...args], {
        cwd: repositoryRoot,
        encoding: "utf8",
        env: { ...process.env, npm_lifecycle_event: script },
      });
    const help = `${script === "stop" ? "npm stop" : "npm run docs"} -- --help`;
    expect(call(...given)).toMatchObject({ status: 1, stderr: `${message}What this command takes: ${help}\n` });
    expect(call("--help")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage: npm /) });
  });
});

describe("a command whose output goes to one who stops reading", () => {
  it("ends without a word", () => {
    const code = "main.runMain(async () => { for (;;) { console.log(1); await new Promise(setImmediate); } })";
    const main = JSON.stringify(join(repositoryRoot, "lib", "main"));
    const script = `const main = require(${main}); ${code}`;
    const pipe = `"$0" --require tsx/cjs --eval "$1" | head -1; echo "\${PIPESTATUS[0]}"`;
    const options = { cwd: repositoryRoot, encoding: "utf8", timeout: 20_000 } as const;
    const { stdout, stderr } = spawnSync("bash", ["-c", pipe, process.execPath, script], options);
    expect([stdout, stderr]).toEqual(["1\n141\n", ""]);
  });
});

describe("a command of several phases", () => {
  it("ends at an error, although another phase still runs", () => {
    const code = 'setTimeout(() => {}, 60_000); main.runPhases(async () => { throw new Error("no cluster") })';
    expect(run(code)).toEqual({ status: 1, stderr: "\nno cluster\n" });
  });
});
