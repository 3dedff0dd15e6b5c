import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./paths";

/** Folder of a Go module that tools are compiled from. Its go.mod is the one place that states their versions. */
export const goModuleDir = (name: string): string => join(repositoryRoot, "local", "toolchain", "go", name);

/** Version of Go that the modules ask for, the newest of their `go` lines: `1.25.8`. */
export function goWanted(): string {
  const root = goModuleDir(".");
  const files = readdirSync(root)
    .map((name) => join(root, name, "go.mod"))
    .filter(existsSync);
  const versions = files.map((file) => /^go (\S+)/m.exec(readFileSync(file, "utf8"))![1]);
  return versions.reduce((newest, version) => (isOlderGo(newest, version) ? version : newest));
}

/** Whether a version of Go is older than another. */
export function isOlderGo(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split(/[.\- ]/).map((part) => parseInt(part, 10) || 0));
  const index = b.findIndex((part, i) => part !== (a[i] ?? 0));
  return index >= 0 && (a[index] ?? 0) < b[index];
}

/**
 * Version of a module, as the go.mod of one of our Go modules requires it.
 * @param name folder below `local/toolchain/go`
 * @param module e.g. `k8s.io/kubernetes`
 */
export function goModuleVersion(name: string, module: string): string {
  const text = readFileSync(join(goModuleDir(name), "go.mod"), "utf8");
  const requirement = new RegExp(`^(?:require)?\\s+${module.replace(/[./]/g, "\\$&")} (v\\S+)`, "m").exec(text);
  if (!requirement)
    throw new Error(`local/toolchain/go/${name}/go.mod does not require ${module}: add it with \`go get\`.`);
  return requirement[1];
}
