import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** How a command is run. */
export interface ExecOptions {
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Text for the standard input; none by default. */
  input?: string;
  /** Called with each line of the standard output and error as it comes. */
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
  const { input, onLine, env, cwd } = options;
  const spawnOptions: SpawnOptions = {
    cwd,
    env: { ...process.env, ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions);
    children.add(child);
    child.once("close", () => children.delete(child));
    const shown = [command, ...args].join(" ").slice(0, 200);
    let stdout = "";
    let stderr = "";
    child.stdout!.on("data", (chunk) => (stdout += chunk));
    child.stderr!.on("data", (chunk) => (stderr += chunk));
    if (onLine) for (const stream of [child.stdout!, child.stderr!]) eachLine(stream, onLine);
    child.on("error", (error) => reject(new CommandError(shown, null, error.message)));
    child.on("close", (code) =>
      code === 0 ? resolve(stdout) : reject(new CommandError(shown, code, stderr || stdout)),
    );
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

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    lines.filter((line) => line.trim()).forEach(onLine);
  });
}
