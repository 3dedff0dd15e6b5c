import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MlflowVolume, type RunPython } from "../../../cli/backups/mlflow-volume";
import { exec } from "../../../lib/exec";
import { python } from "../../python";

interface Surroundings {
  /** The most bytes that arrive of what the command reads. */
  readonly limit?: number;
  /** Interpreter; default that of the tests. */
  readonly interpreter?: string;
  /** Variables of MLflow's container. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the command on this machine. */
const onThisMachine =
  ({ limit = Number.POSITIVE_INFINITY, interpreter, env }: Surroundings): RunPython =>
  async (command, { input, output }) => {
    const options = { stdio: "pipe", env: { ...process.env, ...env } } as const;
    const child = spawn(interpreter ?? (await python()), command.slice(1), options);
    const isClosed = new Promise<number | null>((resolve) => child.once("close", resolve));
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    // A command that fails early reads no more.
    pipeline(Readable.from(cut(input!, limit)), child.stdin).catch(() => undefined);
    if (output) await pipeline(child.stdout, output, { end: false });
    if ((await isClosed) !== 0) throw new Error(errors.trim().split("\n").at(-1));
    return errors;
  };

async function* cut(input: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let left = limit;
  for await (const chunk of input) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/** A folder of this machine as MLflow's volume. `limit`: bytes after which what is sent to it breaks off. */
export const volumeAt = (folder: string, limit?: number): MlflowVolume =>
  new MlflowVolume(onThisMachine({ limit }), folder);

/** The stores that MLflow's variables name; what is in none of them is in the folder. */
export const storesOf = (folder: string, interpreter: string, env: Readonly<Record<string, string>>): MlflowVolume =>
  new MlflowVolume(onThisMachine({ interpreter, env }), folder);

/** Runs SQL on a database, which is made if it does not exist. @returns what the last statement gave */
export async function sql(database: string, ...statements: string[]): Promise<unknown[][]> {
  const program =
    "import json, sqlite3, sys; database = sqlite3.connect(sys.argv[1])\n" +
    "for text in sys.argv[2:]: rows = database.execute(text).fetchall()\n" +
    "database.commit(); print(json.dumps(rows))";
  return JSON.parse(await exec(await python(), ["-c", program, database, ...statements]));
}
