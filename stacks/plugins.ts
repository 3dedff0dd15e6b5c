/** The program's Pulumi plugins: downloaded, or if that fails, those that are compiled with the local tools. */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { toolPath } from "../lib/paths";
import { commandVersion, kubernetesVersion } from "../local/toolchain/provider-files";
import { pulumi, pulumiHome } from "./local-pulumi";

/** Versions of the plugins, by name, that the program's packages ask for. */
const versions = { kubernetes: kubernetesVersion, command: commandVersion };
type Plugin = keyof typeof versions;

const directory = (name: Plugin): string => join(pulumiHome(), "plugins", `resource-${name}-v${versions[name]}`);

/**
 * Puts the compiled plugins where the CLI looks for plugins. A downloaded plugin stays. A second call changes nothing.
 * @returns the names of the providers that a compiled plugin now serves, e.g. `kubernetes`.
 */
export function installCompiledPlugins(): Plugin[] {
  return (Object.keys(versions) as Plugin[]).filter((name) => {
    const path = join(directory(name), `pulumi-resource-${name}`);
    if (isDownloaded(path)) return false;
    mkdirSync(directory(name), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(toolPath(`${name}-provider`), path);
    return true;
  });
}

/** What this project puts there is a link, or was a script in earlier versions. */
function isDownloaded(path: string): boolean {
  return (
    existsSync(path) &&
    !lstatSync(path).isSymbolicLink() &&
    readFileSync(path).subarray(0, 2).toString("latin1") !== "#!"
  );
}

/**
 * Sees to it that the program's plugins are there: downloaded, or where they can't be, compiled.
 * @returns the names of the providers that a compiled plugin serves.
 */
export async function installPlugins(onLine: (line: string) => void = () => {}): Promise<Plugin[]> {
  for (const name of Object.keys(versions) as Plugin[]) {
    if (existsSync(directory(name))) continue;
    const installed = await pulumi(["plugin", "install", "resource", name, `v${versions[name]}`], { onLine }).then(
      () => true,
      () => false,
    );
    if (!installed) break; // Where one can't be had, the other can't either: each try takes its time.
  }
  return installCompiledPlugins();
}
