import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../../image-builder/content-key";
import { exec } from "../../lib/exec";
import { cacheDir, repositoryRoot } from "../../lib/paths";

const requirements = ["images/app/requirements.txt", "images/tools/requirements.txt", "test/images/requirements.txt"];

let made: Promise<string> | undefined;

/**
 * A Python interpreter with what the app and the tools image have, pytest and ruff: a virtual environment in the cache,
 * made once for the content of their requirements.
 * @returns Path of the interpreter.
 */
export function python(): Promise<string> {
  made ??= virtualEnvironment("venv", requirements, ["--require-hashes"]);
  return made;
}

/**
 * A Python virtual environment in the cache, made once for the content of its requirements.
 * @param files requirements files, from the root of the repository
 * @param options of `pip install`
 * @returns Path of its interpreter.
 */
export async function virtualEnvironment(name: string, files: string[], options: string[] = []): Promise<string> {
  const paths = files.map((file) => join(repositoryRoot, file));
  const environment = join(cacheDir(), `${name}-${await contentKey(paths, [])}`);
  const install = ["--quiet", "--no-compile", ...options, ...paths.map((path) => `--requirement ${path}`)].join(" ");
  const make = `[ -e finished ] || {
    rm -rf bin lib* include pyvenv.cfg
    for python in python3 python3.13 python3.12 python3.11; do
      "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
      python=
    done
    [ "$python" ] || { echo "Python 3.11 or newer is needed: install it as python3 or python3.11." >&2; exit 1; }
    "$python" -m venv . && bin/python -m pip install ${install} && touch finished
  }`;
  await mkdir(environment, { recursive: true });
  // Test files run side by side and may all ask first: one makes it, the others wait.
  await exec("flock", [environment, "sh", "-c", make], { cwd: environment });
  return join(environment, "bin", "python");
}
