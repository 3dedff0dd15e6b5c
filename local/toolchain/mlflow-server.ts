import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { freePort } from "../../lib/free-port";
import { virtualEnvironment } from "./virtual-environment";

/** An MLflow of the image's version, as a process of its own. */
export interface MlflowServer {
  readonly port: number;
  /** Interpreter of its environment. */
  readonly python: string;
  /** File of its SQLite, if it has one. */
  readonly database: string;
  stop(): Promise<void>;
}

/** Interpreter with what MLflow's image has. The first call on a machine installs it. */
export const mlflowPython = (): Promise<string> =>
  virtualEnvironment("venv-mlflow", ["local/toolchain/third-party-images/mlflow/requirements.txt"]);

/**
 * Starts an MLflow on this machine. It keeps its data in a folder, but for what `env` puts elsewhere, by
 * `MLFLOW_BACKEND_STORE_URI` of a PostgreSQL and `MLFLOW_ARTIFACTS_DESTINATION` of a bucket. The first one on a machine
 * installs it.
 * @param args of `mlflow server`; those for address and data are replaced
 * @throws if it ends before it listens, with what it printed
 */
export async function startMlflow(
  folder: string,
  args: readonly string[] = ["--workers=1"],
  env: Readonly<Record<string, string>> = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
): Promise<MlflowServer> {
  const python = await mlflowPython();
  const port = await freePort();
  const database = join(folder, "mlflow.db");
  // Of an option that is there twice, the last one counts. An option counts more than its variable.
  const own = ["--host=127.0.0.1", `--port=${port}`];
  if (!env.MLFLOW_BACKEND_STORE_URI?.startsWith("postgresql")) own.push(`--backend-store-uri=sqlite:///${database}`);
  if (!env.MLFLOW_ARTIFACTS_DESTINATION?.startsWith("s3:"))
    own.push(`--artifacts-destination=${join(folder, "artifacts")}`);
  const server = spawn(join(dirname(python), "mlflow"), ["server", ...args, ...own], {
    cwd: folder,
    env: { ...process.env, ...env, HOME: folder, MLFLOW_DISABLE_TELEMETRY: "true", GIT_PYTHON_REFRESH: "quiet" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const ended = new Promise((resolve) => server.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    let output = "";
    server.stderr.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
      if (output.includes("Uvicorn running on")) resolve();
    });
    server.once("close", (code) => reject(new Error(`MLflow ended with ${code}:\n${output}`)));
    server.once("error", reject);
  });
  const stop = async () => {
    // With its worker, which it starts in the same process group.
    if (server.exitCode === null) process.kill(-server.pid!, "SIGTERM");
    await ended;
  };
  return { port, python, database, stop };
}
