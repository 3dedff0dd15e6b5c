import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./paths";

/** Folder of a Go module that tools are compiled from. Its go.mod is the one place that states their versions. */
export const goModuleDir = (name: string): string => join(repositoryRoot, "local", "toolchain", "go", name);

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
