/** Runs the Pulumi CLI that the local tools were built from, on a backend in the state directory. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { deferInterrupts } from "../lib/interrupts";
import { eachLine } from "../lib/lines";
import { cacheDir, repositoryRoot, stateDir, toolPath } from "../lib/paths";

/**
 * The environment for `pulumi` on the local cluster's own backend. Stack secrets are encrypted with a random
 * passphrase that is made once and kept, readable by its owner only, beside the backend.
 */
function pulumiEnvironment(): NodeJS.ProcessEnv {
  const backend = backendDirectory();
  for (const directory of [backend, temporaryDirectory()]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    ...process.env,
    PATH: [join(cacheDir(), "bin"), process.env.PATH].join(delimiter),
    PULUMI_HOME: pulumiHome(),
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase(),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    TMPDIR: temporaryDirectory(),
    // The local language host is older than the CLI, which tells it no options of Pulumi.yaml.
    PULUMI_NODEJS_TSCONFIG_PATH: join(repositoryRoot, "tsconfig.pulumi.json"),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

const backendDirectory = (): string => join(stateDir(), "pulumi-backend");
/** Where the CLI, its plugins and the program have their temporary files, e.g. what was transpiled of the program. */
const temporaryDirectory = (): string => join(stateDir(), "pulumi-tmp");

/** The Kubernetes provider leaves its kubeconfig in a temporary file, which is for Helm. Nothing here uses it. */
function removeKubeconfigs(): void {
  for (const name of readdirSync(temporaryDirectory()))
    if (/^kubeconfig\d*$/.test(name)) rmSync(join(temporaryDirectory(), name), { force: true });
}

/** Where the local CLI has its plugins. */
export const pulumiHome = (): string => join(stateDir(), "pulumi-home");

function passphrase(): string {
  const path = join(stateDir(), "pulumi-passphrase");
  if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  return readFileSync(path, "utf8");
}

/** How a `pulumi` command is run. */
export interface PulumiOptions {
  /** Directory of the Pulumi project; default the repository. */
  cwd?: string;
  /** Added to {@link pulumiEnvironment}. */
  env?: NodeJS.ProcessEnv;
  /** Gets each line of the output instead of the terminal. */
  onLine?: (line: string) => void;
}

/** A `pulumi` command that ended with a code other than 0. */
export class PulumiError extends Error {
  constructor(
    args: string[],
    readonly code: number | null,
    readonly output: string,
  ) {
    super(
      `\`pulumi ${args.join(" ")}\` failed${code === null ? "" : ` with exit code ${code}`}: see its messages above`,
    );
  }
}

/**
 * Runs `pulumi` to its end, without questions. Its output goes to the terminal, or to `onLine`.
 * An interrupt reaches the CLI, which then ends its plugins and records how far it came. This process waits for that.
 * @returns the standard output if `onLine` is given, else an empty text
 * @throws PulumiError if it fails
 */
export const pulumi = (args: string[], options: PulumiOptions = {}): Promise<string> =>
  deferInterrupts(run(args, options));

async function run(args: string[], { cwd = repositoryRoot, env, onLine }: PulumiOptions): Promise<string> {
  const output = onLine ? "pipe" : "inherit";
  const child = spawn(toolPath("pulumi"), [...args, "--non-interactive"], {
    cwd,
    env: { ...pulumiEnvironment(), ...env },
    stdio: ["ignore", output, output],
  });
  // The terminal sends Ctrl-C to the CLI as well, and the CLI ends at once at the second one. TERM reaches this process
  // alone.
  const wait = () => {};
  const stop = () => child.kill("SIGINT");
  process.on("SIGINT", wait).on("SIGTERM", stop);
  let stdout = "";
  let everything = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      everything += chunk;
      if (stream === child.stdout) stdout += chunk;
    });
    if (stream && onLine) eachLine(stream, onLine);
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
    if (code !== 0) throw new PulumiError(args, code, everything);
    return stdout;
  } finally {
    removeKubeconfigs();
    process.off("SIGINT", wait).off("SIGTERM", stop);
  }
}
