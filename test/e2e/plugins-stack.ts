/** A small stack under the real CLI, on a control plane of its own and through the compiled plugins. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../../lib/paths";
import { pulumi } from "../../stacks/local-pulumi";
import { linkCachedPlugins } from "../../stacks/plugins";
import { type ControlPlane, startControlPlane } from "./control-plane";

/** The stack `dev`, which is not up yet. */
export interface PluginsStack {
  plane: ControlPlane;
  /** State directory of the local tools, for as long as the stack is there. */
  state: string;
  /** Runs the CLI and gives all that it printed. @throws Error with all that, where it fails */
  run(...args: string[]): Promise<string>;
  /** The same with the stack's settings. */
  update(command: string, ...args: string[]): Promise<string>;
  /** Ends the CLI and its plugins at once, as a lack of memory would. */
  kill(): void;
  /** Names of the objects at a path of the API. */
  names(path: string): Promise<string[]>;
  end(): Promise<void>;
}

/**
 * @param project name of the Pulumi project
 * @param source directory of its program, beside this file
 */
export async function startPluginsStack(
  password: string,
  project = "plugins",
  source = "plugins-program",
): Promise<PluginsStack> {
  const plane = await startControlPlane();
  const before = process.env.GOURMETGRAM_STATE;
  const state = mkdtempSync(join(tmpdir(), "gourmetgram-state-"));
  process.env.GOURMETGRAM_STATE = state;
  const settings = join(state, "settings.yaml");
  // A copy, as the CLI writes beside the program. It imports the real program's provider by the same path.
  const program = join(state, "test", "e2e", source);
  symlinkSync(join(repositoryRoot, "components"), join(state, "components"));
  cpSync(join(__dirname, source), program, { recursive: true });
  const file = join(program, "Pulumi.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${project}`));
  symlinkSync(join(repositoryRoot, "node_modules"), join(program, "node_modules"));
  linkCachedPlugins();

  const run = async (...args: string[]): Promise<string> => {
    const lines: string[] = [];
    await pulumi(args, { cwd: program, onLine: (line) => lines.push(line) }).catch((error) => {
      throw new Error(`${error.message}\n${lines.join("\n")}`);
    });
    return lines.join("\n");
  };
  await run("stack", "init", "dev");
  await run("config", "set", "kubeconfig", plane.kubeconfig, "--config-file", settings);
  await run("config", "set", "password", password, "--secret", "--config-file", settings);

  const kill = () => {
    const locks = join(state, "pulumi-backend/.pulumi/locks/organization", project, "dev");
    const [lock] = readdirSync(locks).filter((name) => name.endsWith(".json"));
    const { pid } = JSON.parse(readFileSync(join(locks, lock), "utf8")) as { pid: number };
    // Each thread has the children that it has started.
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    for (const each of [pid, ...children]) process.kill(each, "SIGKILL");
  };
  const names = async (path: string): Promise<string[]> => {
    const list = (await plane.client.request("GET", path)) as { items: { metadata: { name: string } }[] };
    return list.items.map(({ metadata }) => metadata.name);
  };
  const end = async (): Promise<void> => {
    if (before === undefined) delete process.env.GOURMETGRAM_STATE;
    else process.env.GOURMETGRAM_STATE = before;
    rmSync(state, { recursive: true, force: true });
    await plane.stop();
  };
  return {
    plane,
    state,
    run,
    update: (command, ...args) => run(command, "--config-file", settings, ...args),
    kill,
    names,
    end,
  };
}
