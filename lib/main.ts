import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { npmCall, npmCommand } from "./as-root";
import { endChildren } from "./exec";
import { handleInterrupts } from "./interrupts";
import { loopbackWithoutProxy } from "./proxy";

/** What root has written into another user's checkout becomes that user's, however the command ends. */
function returnToOwner(): void {
  spawnSync(process.execPath, [join(__dirname, "return-to-owner.mjs")], { stdio: "inherit" });
}

/**
 * Runs a command to its exit code. An error is one sentence on standard error.
 * @param failure exit code for an error, default 1
 */
export function runMain(main: () => Promise<number>, failure = 1): void {
  Object.assign(process.env, loopbackWithoutProxy(process.env));
  if (process.getuid?.() === 0) process.on("exit", returnToOwner);
  // Whoever reads the output may stop early, as `head` does: the shell's exit code for that.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    endChildren();
    process.exit(141);
  });
  // The exit code is set and the process left to end by itself, so that nothing printed into a pipe is lost.
  const setExitCode = (code: number) => {
    process.exitCode = code;
  };
  main().then(setExitCode, (error: Error) => {
    console.error(withHelp(error));
    setExitCode(failure);
  });
}

/** The message of an error, with what shows the right arguments where a person gave others. */
function withHelp({ message, code }: Error & { code?: unknown }): string {
  if (!String(code).startsWith("ERR_PARSE_ARGS")) return message;
  const { script } = npmCall(process.argv, process.env);
  return `${message}\nWhat this command takes: ${npmCommand({ script, args: ["--help"] })}`;
}

/**
 * The same for a command of several phases, some of which run at once. An interrupt or an error ends the commands that
 * it started, and the process at once: no other phase continues.
 */
export function runPhases(main: () => Promise<number>): void {
  handleInterrupts();
  runMain(() =>
    main().catch((error: Error) => {
      endChildren();
      console.error(`\n${withHelp(error)}`);
      process.exit(1);
    }),
  );
}
