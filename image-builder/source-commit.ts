import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * The commit that last changed a folder, in its Git repository. A change of the rest changes nothing.
 * @returns an empty string where the folder is not as a commit has it, or in no repository
 */
export async function sourceCommit(folder: string): Promise<string> {
  const git = async (...args: string[]) => (await run("git", ["-C", folder, ...args])).stdout.trim();
  try {
    const changes = await git("status", "--porcelain", "--", ".");
    return changes === "" ? await git("log", "-1", "--format=%H", "--", ".") : "";
  } catch {
    return "";
  }
}
