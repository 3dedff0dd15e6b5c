import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exec } from "../lib/exec";
import { repositoryRoot } from "../lib/paths";
import { startMlflow } from "../local/toolchain/mlflow-server";
import type { Servers } from "./servers";

/** What an MLflow holds. The releases are spread evenly over the time of the versions. */
export interface History {
  versions: number;
  releases: number;
  /** From the registration of a version to that of the next one. */
  minutes: number;
}

/** Environment of a Python that runs the pipeline's steps. */
export const pipelinePython = { PYTHONPATH: join(repositoryRoot, "workflows"), PYTHONDONTWRITEBYTECODE: "1" };

/**
 * Starts an MLflow of its own, with what the pipeline's own code writes.
 * @returns its address, and an interpreter with what the steps need
 */
export async function startFilledMlflow(
  servers: Servers,
  name: string,
  { versions, releases, minutes }: History,
): Promise<{ url: string; python: string }> {
  const data = join(servers.folder, name);
  await mkdir(data);
  const { database, port, python } = servers.add(await startMlflow(data));
  const url = `http://127.0.0.1:${port}`;
  const numbers = [versions, releases, minutes].map(String);
  await exec(python, [join(__dirname, "history.py"), database, ...numbers], {
    env: { ...pipelinePython, MLFLOW_TRACKING_URI: url },
  });
  return { url, python };
}
