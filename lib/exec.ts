import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { eachLine } from "./lines";

/** How a command is run. */
export interface ExecOptions {
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Text for the standard input; none by default. */
  input?: string;
  /** Whether Ctrl-C in the terminal reaches this process alone, and not the command. */
  ownGroup?: boolean;
  /** Called with each line of the standard output and error as it comes, except for blank ones. */
  onLine?: (line: string) => void;
}

/** A command that ended with another code than 0, or could not be started. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | null,
    readonly stderr: string,
  ) {
    const tail = stderr.trim().split("\n").slice(-15).join("\n");
    super(`\`${command}\` failed${code === null ? "" : ` with exit code ${code}`}${tail ? `:\n${tail}` : "."}`);
  }
}

const children = new Set<ChildProcess>();

/** Ends every command that still runs. */
export function endChildren(): void {
  for (const child of children) child.kill();
}

/**
 * Runs a command to its end and returns its standard output.
 * @throws CommandError with the last lines of its standard error.
 */
export async function exec(command: string, args: string[], options: ExecOptions = {}): Promise<string> {
  const { input, onLine, env, cwd, ownGroup } = options;
  const spawnOptions: SpawnOptions = {
    cwd,
    detached: ownGroup,
    env: { ...process.env, ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions);
    children.add(child);
    child.once("close", () => children.delete(child));
    const commandLine = [command, ...args].join(" ").slice(0, 200);
    let stdout = "";
    let stderr = "";
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    if (onLine) for (const stream of [child.stdout!, child.stderr!]) eachLine(stream, unlessBlank(onLine));
    child.on("error", (error) => reject(new CommandError(commandLine, null, error.message)));
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandError(commandLine, code, stderr || stdout));
    });
    if (input !== undefined) child.stdin!.end(input);
  });
}

/** Whether the command ends with exit code 0. */
export async function succeeds(command: string, args: string[]): Promise<boolean> {
  return exec(command, args).then(
    () => true,
    () => false,
  );
}

const unlessBlank = (onLine: (line: string) => void) => (line: string) => {
  if (line.trim()) onLine(line);
};
