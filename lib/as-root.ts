/** The command of a person who is to run it again as root. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { runDir } from "./paths";
import { proxyVariables } from "./proxy";

/** How a person called a script of `package.json`. */
export interface NpmCall {
  /** `start`, `train` and so on. */
  readonly script: string;
  /** What the person wrote behind `--`. */
  readonly args: readonly string[];
  /** The environment. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Scripts that npm runs without the word `run`. */
const shortScripts = ["start", "stop", "test"];
/** Variables of others that a start needs. Their values may hold a password: the shell puts them in. */
const passedOn = [...proxyVariables, "NODE_EXTRA_CA_CERTS"];

/**
 * The same call by sudo, for a shell. sudo replaces PATH, on which Node.js or Go may be, and drops what is set: so the
 * project's variables are named with their values, and those of a proxy by their names.
 */
export function asRoot({ script, args, variables }: NpmCall): string {
  const isSet = (name: string) => Boolean(variables[name]);
  const own = Object.keys(variables).filter((name) => name.startsWith("GOURMETGRAM_") && isSet(name));
  const words = [
    "sudo env",
    ...["PATH", ...passedOn.filter(isSet)].map((name) => `"${name}=$${name}"`),
    ...own.sort().map((name) => `${name}=${quoted(variables[name]!)}`),
    npmCommand({ script, args }),
  ];
  return words.join(" ");
}

/** The call for a shell: `npm run train -- normal`. */
export function npmCommand({ script, args }: Pick<NpmCall, "script" | "args">): string {
  const call = `npm ${shortScripts.includes(script) ? "" : "run "}${script}`;
  return args.length > 0 ? `${call} -- ${args.map(quoted).join(" ")}` : call;
}

/** A word as a shell reads it. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * The call that runs this process.
 * @param argv as in `process.argv`, where a script's own options stand before those of the person
 */
export function npmCall(argv: readonly string[], variables: NpmCall["variables"]): NpmCall {
  const { npm_lifecycle_event: script, npm_lifecycle_script: text = "" } = variables;
  // The text of a script is `node --require ./lib/with-packages.cjs cli/<command>.ts <options>`.
  const words = script ? text.split(" ") : [];
  const program = words.findIndex((word) => word.endsWith(".ts"));
  const ownOptions = program < 0 ? [] : words.slice(program + 1);
  return { script: script ?? basename(argv[1], ".ts"), args: argv.slice(2 + ownOptions.length), variables };
}

/** The command of this process, by sudo. */
export const thisAsRoot = (): string => asRoot(npmCall(process.argv, process.env));

/**
 * What to do where a file of the local cluster is not found: another user than root looks for it in a home of their
 * own, and has no access to root's.
 */
export function missingFileRemedy(
  isRoot = process.getuid?.() === 0,
  clusterRuns = existsSync(runDir),
  command = thisAsRoot(),
): string {
  return clusterRuns && !isRoot ? `the local cluster belongs to root, so run ${command}` : "run npm start first";
}
