import { spawn } from "node:child_process";
import { repositoryRoot } from "../../lib/paths";

export interface Finished {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
  readonly stdout: string;
  readonly seconds: number;
}

/** Runs an npm script as a person does, its output shown as it comes. */
export const npm = (...args: string[]): Promise<Finished> => run(args, {});

/** The same for a stack other than the default one. */
export const npmOn = (stack: string | undefined, ...args: string[]): Promise<Finished> =>
  run(args, stack ? { GOURMETGRAM_STACK: stack } : {});

/** The same for a local cluster other than the one of the tests. @param state its directory */
export const npmIn = (state: string, ...args: string[]): Promise<Finished> => run(args, { GOURMETGRAM_STATE: state });

/** The same of another copy of the program. @param program its directory */
export const npmOf = (program: string, ...args: string[]): Promise<Finished> => run(args, {}, program);

/** The same, where Pulumi creates only one object at a time: nothing may wait for what comes later. */
export const npmOneByOne = (...args: string[]): Promise<Finished> => run(args, { PULUMI_PARALLEL: "1" });

function run(args: string[], changes: Record<string, string>, cwd = repositoryRoot): Promise<Finished> {
  const begun = Date.now();
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...changes };
    const child = spawn("npm", ["--silent", ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      stdout += text;
      process.stdout.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      process.stderr.write(text);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output, stdout, seconds: (Date.now() - begun) / 1000 }));
  });
}
