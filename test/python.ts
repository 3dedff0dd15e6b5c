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
