/** The program's Pulumi plugins: official ones, or where they can't be had, those compiled with the local tools. */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { toolPath } from "../lib/paths";
import { isOfficial } from "../local/toolchain/official-binaries";
import { commandVersion, kubernetesVersion } from "../local/toolchain/provider-files";
import { pulumi, pulumiHome } from "./local-pulumi";

/** Versions of the plugins, by name, that the program's packages ask for. */
const versions = { kubernetes: kubernetesVersion, command: commandVersion };
type Plugin = keyof typeof versions;

const directory = (name: Plugin): string => join(pulumiHome(), "plugins", `resource-${name}-v${versions[name]}`);

/**
 * Puts the plugins of the cache where the CLI looks for plugins. One that the CLI has downloaded stays. A second call
 * changes nothing.
 * @returns the names of the providers that a compiled plugin now serves, e.g. `kubernetes`.
 */
export function linkCachedPlugins(): Plugin[] {
  return (Object.keys(versions) as Plugin[]).filter((name) => {
    const path = join(directory(name), `pulumi-resource-${name}`);
    if (isDownloaded(path)) return false;
    mkdirSync(directory(name), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(toolPath(`${name}-provider`), path);
    return !isOfficial(`${name}-provider`);
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
    if (existsSync(directory(name)) || isOfficial(`${name}-provider`)) continue;
    const installed = await pulumi(["plugin", "install", "resource", name, `v${versions[name]}`], { onLine }).then(
      () => true,
      () => false,
    );
    if (!installed) break; // Where one can't be had, the other can't either: each try takes its time.
  }
  return linkCachedPlugins();
}
