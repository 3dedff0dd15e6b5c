/** What the stand-in Command plugin does with a resource: `command:local:Command` and `command:local:run`. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { deadline } from "./deadline";
import { differences, pathText } from "./differences";
import { type Diff, log, type Provider, type State, type Target } from "./protocol";
import { type Properties, record, text } from "./values";

/** What a command has printed, without the last line's end. */
interface Output {
  stdout: string;
  stderr: string;
}

/** Lines of a failed command's output that its error shows. */
const shownLines = 20;

/** The longest that a timer knows, 24 days: a command without `customTimeouts` takes the time it needs. */
const unlimitedSeconds = 2 ** 31 / 1000 - 1;

/** Serves the commands of a program. */
export class CommandProvider implements Provider {
  readonly version = require("@pulumi/command/package.json").version as string;
  readonly passesSecretsOn = true;
  private readonly cancelled = new AbortController();

  async configure(): Promise<void> {}

  async diffConfig(): Promise<Diff> {
    return { changes: new Map(), deleteBeforeReplace: false };
  }

  async diff(_: Target, oldInputs: Properties, __: Properties, news: Properties): Promise<Diff> {
    const found = differences(oldInputs, news);
    return {
      changes: new Map(found.map(({ path, kind }) => [pathText(path), { kind, replace: path[0] === "triggers" }])),
      deleteBeforeReplace: false,
    };
  }

  async create(target: Target, inputs: Properties): Promise<State> {
    if (target.preview) return { id: "", outputs: inputs };
    return { id: `command-${randomUUID()}`, outputs: { ...inputs, ...(await this.runPart(target, "create", inputs)) } };
  }

  async update(target: Target, _: Properties, oldOutputs: Properties, news: Properties): Promise<State> {
    if (target.preview) return { id: target.id, outputs: news };
    const part = text(news, "update") === undefined ? "create" : "update";
    return { id: target.id, outputs: { ...news, ...(await this.runPart(target, part, news, oldOutputs)) } };
  }

  async read(target: Target, inputs: Properties, outputs: Properties): Promise<State> {
    return { id: target.id, outputs, inputs };
  }

  async delete(target: Target, inputs: Properties, outputs: Properties): Promise<void> {
    await this.runPart(target, "delete", { ...outputs, ...inputs }, outputs);
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    if (token !== "command:local:run")
      throw new Error(`the stand-in plugin has no ${token}: use the official plugin for it`);
    const target: Target = { urn: "", type: token, name: "run", id: "", timeoutSeconds: 0, preview: false };
    return { ...args, ...(await this.runPart(target, "command", args)) };
  }

  cancel(): void {
    this.cancelled.abort(new Error("the update was cancelled while this ran"));
  }

  private async runPart(target: Target, part: string, inputs: Properties, previous?: Properties): Promise<Output> {
    const command = text(inputs, part);
    if (!command) return { stdout: text(previous, "stdout") ?? "", stderr: text(previous, "stderr") ?? "" };
    for (const property of ["assetPaths", "archivePaths"]) {
      if (Array.isArray(inputs[property]))
        throw new Error(`the stand-in Command plugin has no ${property}: use the official plugin for it`);
    }
    try {
      return await this.execute(target, command, inputs, previous);
    } catch (error) {
      throw new Error(`${target.name}: its ${part} command ${(error as Error).message}`);
    }
  }

  private execute(target: Target, command: string, inputs: Properties, previous?: Properties): Promise<Output> {
    const [interpreter, ...args] = Array.isArray(inputs.interpreter)
      ? inputs.interpreter.map(String)
      : ["/bin/sh", "-c"];
    const env: NodeJS.ProcessEnv = { ...process.env };
    if (previous && inputs.addPreviousOutputInEnv !== false) {
      env.PULUMI_COMMAND_STDOUT = text(previous, "stdout") ?? "";
      env.PULUMI_COMMAND_STDERR = text(previous, "stderr") ?? "";
    }
    for (const [key, value] of Object.entries(record(inputs, "environment"))) env[key] = String(value);
    // A process group of its own, so that an interrupt ends all that the command has started.
    const child = spawn(interpreter, [...args, command], { cwd: text(inputs, "dir"), env, detached: true });
    const output: Output = { stdout: "", stderr: "" };
    const recent: string[] = [];
    const logging = text(inputs, "logging") ?? "stdoutAndStderr";
    const collect = (stream: "stdout" | "stderr") => {
      const shown = logging.toLowerCase().includes(stream);
      let rest = "";
      child[stream]
        .setEncoding("utf8")
        .on("data", (chunk: string) => {
          output[stream] += chunk;
          const lines = (rest + chunk).split(/\r?\n|\r/);
          rest = lines.pop()!;
          for (const line of lines.filter(Boolean)) {
            if (shown && target.urn) log(target.urn, line, { ephemeral: true });
            if (recent.push(line) > shownLines) recent.shift();
          }
        })
        .on("end", () => rest && recent.push(rest));
    };
    collect("stdout");
    collect("stderr");
    child.stdin.on("error", () => {}); // A command that doesn't read its input may close it early.
    child.stdin.end(text(inputs, "stdin") ?? "");
    const { signal, clear } = deadline(target.timeoutSeconds || unlimitedSeconds, this.cancelled.signal);
    return new Promise((resolve, reject) => {
      const end = () => endGroup(child.pid);
      const settle = (): boolean => {
        signal.removeEventListener("abort", end);
        const { aborted } = signal;
        clear();
        return aborted;
      };
      if (signal.aborted) end();
      signal.addEventListener("abort", end, { once: true });
      child.on("error", (error) => {
        settle();
        reject(new Error(`could not be started (${error.message}): correct its interpreter or dir`));
      });
      child.on("close", (code, killedBy) => {
        const aborted = settle();
        if (code === 0)
          return resolve({ stdout: output.stdout.replace(/\n$/, ""), stderr: output.stderr.replace(/\n$/, "") });
        const why = aborted
          ? this.cancelled.signal.aborted
            ? "was cancelled"
            : `took longer than ${target.timeoutSeconds} s`
          : code === null
            ? `was ended by ${killedBy}`
            : `ended with exit code ${code}`;
        const shown = logging === "none" ? [] : recent.slice(-shownLines);
        reject(new Error([why, ...shown.map((line) => `  | ${line}`)].join("\n")));
      });
    });
  }
}

/** Ends a process and all that it has started; what is gone already is fine. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
