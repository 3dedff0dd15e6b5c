import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseJson } from "../../lib/json";
import type { Cluster } from "../../lib/kube-client";
import { type Container, runInPod, type Streams } from "../../lib/pod-exec";
import { artifactsFile, type Backup, type BackupFile, databaseFile } from "./manifest";

/** Path of MLflow's volume in its pod. */
const data = "/data";
const modules = ["external_stores", "mlflow_data"].map((name) => ({
  name,
  source: readFileSync(join(__dirname, `${name}.py`)),
}));
/** Name and length of each module. The last one is the program. */
const lengths = modules.map(({ name, source }) => `${name}:${source.length}`).join(",");
/** Reads the modules from the input, since a command is part of a URL, which may not be long. */
const loader = `
import sys, types
for part in sys.argv[1].split(","):
    name, length = part.split(":")
    module = types.ModuleType("__main__" if name == "mlflow_data" else name)
    sys.modules[module.__name__] = module
    exec(compile(sys.stdin.buffer.read(int(length)), name + ".py", "exec"), module.__dict__)
`;

/** Runs a command of Python where MLflow's volume is. @returns what it printed on standard error */
export type RunPython = (command: readonly string[], streams: Streams) => Promise<string>;

export const inContainer =
  (cluster: Cluster, container: Container): RunPython =>
  (command, streams) =>
    runInPod(cluster, container, command, streams);

/** How far a restore has come, and where the stack keeps MLflow's data. */
export interface RestoreProgress {
  /** Its content is whole beside what MLflow has. */
  readonly whole: boolean;
  /** It is what MLflow has. */
  readonly restored: boolean;
  /** Whether the database, or the artifacts, are in a store of their own, and not on MLflow's volume. */
  readonly database: boolean;
  readonly artifacts: boolean;
}

/** What MLflow has, on its volume or in stores of its own, through `mlflow_data.py`. */
export class MlflowVolume {
  /** @param folder where the volume is; default the path in MLflow's pod */
  constructor(
    private readonly runPython: RunPython,
    private readonly folder = data,
  ) {}

  /** Writes a copy of the database to a file. @returns the file, and the number of secrets that were left out */
  async saveDatabase(path: string, tell: (bytes: number) => void): Promise<BackupFile & { secrets: number }> {
    const { file, report } = await this.save("dump-database", path, tell);
    return { ...file, path: databaseFile, secrets: report.secrets as number };
  }

  async saveArtifacts(path: string, tell: (bytes: number) => void): Promise<BackupFile> {
    return { ...(await this.save("dump-artifacts", path, tell)).file, path: artifactsFile };
  }

  async look(restore: string): Promise<RestoreProgress> {
    return (await this.call("look", [restore])) as unknown as RestoreProgress;
  }

  /** Puts the content of a backup on the volume, beside what MLflow has. @throws if there is no room */
  async receive(restore: string, { folder, manifest }: Backup, tell: (bytes: number) => void): Promise<void> {
    const files = [databaseFile, artifactsFile].map((name) => manifest.files.find(({ path }) => path === name)!);
    const expected = Object.fromEntries(files.map(({ path, bytes, sha256 }) => [path, { bytes, sha256 }]));
    await this.call("receive", [restore, expected], {
      input: contentOf(
        files.map(({ path }) => join(folder, path)),
        tell,
      ),
    });
  }

  /** Puts that content in the place of what MLflow has, which stays beside it. MLflow must not run. */
  async exchange(restore: string): Promise<void> {
    await this.call("exchange", [restore]);
  }

  private async save(action: string, path: string, tell: (bytes: number) => void) {
    const hash = createHash("sha256");
    let bytes = 0;
    const counting = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        tell(bytes);
        done(null, chunk);
      },
    });
    const [report] = await Promise.all([
      this.call(action, [], { output: counting }).finally(() => counting.end()),
      pipeline(counting, createWriteStream(path, { mode: 0o600 })),
    ]);
    const sha256 = hash.digest("hex");
    if (report.bytes !== bytes || report.sha256 !== sha256)
      throw new Error(
        `${path} did not come whole from MLflow (${bytes} of ${report.bytes} bytes): run npm run backup again`,
      );
    return { file: { bytes, sha256 }, report };
  }

  private async call(
    action: string,
    given: unknown[],
    { input, output }: { input?: AsyncIterable<Buffer>; output?: Writable } = {},
  ): Promise<Record<string, unknown>> {
    const command = ["python3", "-c", loader, lengths, action, this.folder];
    const errors = await this.runPython([...command, ...given.map((value) => JSON.stringify(value))], {
      input: after(Buffer.concat(modules.map(({ source }) => source)), input),
      output,
    });
    const report = parseJson(errors.trim().split("\n").at(-1)!);
    if (!report) throw new Error(`MLflow's pod answered ${errors.slice(0, 200)}: see that it runs, and try again`);
    return report as Record<string, unknown>;
  }
}

async function* after(first: Buffer, rest?: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  if (rest) yield* rest;
}

/** The content of files, one after another. */
async function* contentOf(paths: readonly string[], tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  let bytes = 0;
  for (const path of paths)
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      yield chunk as Buffer;
      bytes += (chunk as Buffer).length;
      tell(bytes);
    }
}
