/** Runs the Pulumi CLI that the local tools were built from, on a backend in the state directory. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { eachLine } from "../lib/lines";
import { cacheDir, repositoryRoot, stateDir, toolPath } from "../lib/paths";

/** Providers that have a stand-in, by the npm package whose version a program asks for. */
const standIns = { kubernetes: "@pulumi/kubernetes", command: "@pulumi/command" };

/** First comment of a stand-in's launcher, which tells it from an official plugin. */
const mark = "# GourmetGram's stand-in for the official plugin, for machines that can't download that one.";

/**
 * The environment for `pulumi` on the local cluster's own backend. Stack secrets are encrypted with a random
 * passphrase that is made once and kept, readable by its owner only, beside the backend.
 */
export function pulumiEnvironment(): NodeJS.ProcessEnv {
  const backend = backendDirectory();
  mkdirSync(backend, { recursive: true });
  return {
    ...process.env,
    PATH: [join(cacheDir(), "bin"), process.env.PATH].join(delimiter),
    PULUMI_HOME: pulumiHome(),
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase(),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // The local language host is older than the CLI, which tells it no options of Pulumi.yaml.
    PULUMI_NODEJS_TSCONFIG_PATH: join(repositoryRoot, "tsconfig.pulumi.json"),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

const backendDirectory = (): string => join(stateDir(), "pulumi-backend");
/** Where the local CLI has its plugins. */
export const pulumiHome = (): string => join(stateDir(), "pulumi-home");

function passphrase(): string {
  const path = join(stateDir(), "pulumi-passphrase");
  if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  return readFileSync(path, "utf8");
}

/** Version and place of the plugin that the program's package asks for. */
function plugin(name: string): { version: string; directory: string; launcher: string } {
  const path = join(repositoryRoot, "node_modules", standIns[name as keyof typeof standIns], "package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  const directory = join(pulumiHome(), "plugins", `resource-${name}-v${version}`);
  return { version, directory, launcher: join(directory, `pulumi-resource-${name}`) };
}

/**
 * Puts the launchers of the stand-in plugins where the CLI looks for plugins. Leaves an official plugin alone.
 * Running it again changes nothing.
 * @returns the names of the providers that a stand-in now serves, e.g. `kubernetes`.
 */
export function installStandInPlugins(): string[] {
  return Object.keys(standIns).filter((name) => {
    const { directory, launcher } = plugin(name);
    if (existsSync(launcher) && !readFileSync(launcher, "latin1").includes(mark)) return false;
    const loader = join(repositoryRoot, "node_modules", "tsx", "dist", "cjs", "index.cjs");
    const entry = join(repositoryRoot, "local", "plugins", `${name}.ts`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(launcher, `#!/bin/sh\n${mark}\nexec "${process.execPath}" --require "${loader}" "${entry}" "$@"\n`, {
      mode: 0o755,
    });
    return true;
  });
}

/**
 * Sees to it that the program's plugins are there: the official ones, or where they can't be downloaded, the stand-ins.
 * @returns the names of the providers that a stand-in serves.
 */
export async function installPlugins(onLine: (line: string) => void = () => {}): Promise<string[]> {
  for (const name of Object.keys(standIns)) {
    const { version, directory } = plugin(name);
    if (existsSync(directory)) continue;
    const installed = await pulumi(["plugin", "install", "resource", name, `v${version}`], { onLine }).then(
      () => true,
      () => false,
    );
    if (!installed) break; // Where one can't be had, the others can't either: each try takes its time.
  }
  return installStandInPlugins();
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
 * An interrupt reaches the CLI, which then stops and records how far it came.
 * @returns the standard output if `onLine` is given, else an empty text
 * @throws PulumiError if it fails
 */
export async function pulumi(
  args: string[],
  { cwd = repositoryRoot, env, onLine }: PulumiOptions = {},
): Promise<string> {
  const output = onLine ? "pipe" : "inherit";
  const child = spawn(toolPath("pulumi"), [...args, "--non-interactive"], {
    cwd,
    env: { ...pulumiEnvironment(), ...env },
    stdio: ["ignore", output, output],
  });
  // The terminal sends an interrupt to the CLI as well: this process waits until the CLI has ended.
  const wait = () => {};
  process.on("SIGINT", wait);
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
    process.off("SIGINT", wait);
  }
}
