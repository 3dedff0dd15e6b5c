import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../lib/exec";
import { repositoryRoot } from "../lib/paths";
import { python } from "../local/toolchain/virtual-environment";

export { python };

/**
 * Runs ruff over all Python of the project, by the rules of `ruff.toml`: its checks, then its formatting.
 * @returns what it printed
 * @throws Error with its complaints
 */
export async function lintPython(): Promise<string> {
  const folders = ["workflows", "images", "bench", "cli", "test"];
  const ruff = async (...args: string[]) =>
    exec(await python(), ["-m", "ruff", ...args, "--no-cache", ...folders], { cwd: repositoryRoot });
  return (await ruff("check")) + (await ruff("format", "--check"));
}

/**
 * Runs a folder's Python tests. All of their processes share one folder of bytecode, which goes with the run: each
 * module is compiled once, and nothing is left beside the project's files. That holds where the user's own Python
 * writes no bytecode, too: every process of the tests would compile the standard library and all packages anew.
 * @param options of pytest
 * @returns what it printed
 * @throws Error with all that it printed, where a test failed
 */
export async function pytest(folder: string, ...options: string[]): Promise<string> {
  const bytecode = await mkdtemp(join(tmpdir(), "bytecode-"));
  const said: string[] = [];
  try {
    return await exec(await python(), ["-m", "pytest", "-q", "-p", "no:cacheprovider", ...options, folder], {
      env: { PYTHONPYCACHEPREFIX: bytecode, PYTHONDONTWRITEBYTECODE: "" },
      onLine: (line) => said.push(line),
    });
  } catch (error) {
    throw new Error(said.join("\n"), { cause: error });
  } finally {
    await rm(bytecode, { recursive: true });
  }
}
