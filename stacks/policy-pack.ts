import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lib/paths";
import { pulumiHome } from "./local-pulumi";

/** Exceptions from the policies, by name. A team commits the file, so that each exception is reviewed. */
const exceptions = join("policy", "exceptions.json");

/** The arguments with which the CLI checks a stack against the policy pack, for the local CLI or an official one. */
export function policyPackArgs(isLocal: boolean): string[] {
  const configuration = existsSync(join(repositoryRoot, exceptions)) ? ["--policy-pack-config", exceptions] : [];
  return ["--policy-pack", isLocal ? installPolicyPack() : "policy", ...configuration];
}

/** Runtime that stands for Node.js in the pack's description here. */
const runtime = "gourmetgram";

/**
 * Makes the policy pack one that the local Pulumi CLI can start. Its language host is older than the CLI and starts no
 * packs. So the pack gets a description with another runtime, whose launcher is put beside the plugins.
 * @returns the folder for `--policy-pack`; with an official CLI that is `policy`.
 */
export function installPolicyPack(): string {
  const folder = join(pulumiHome(), "policy");
  const plugin = join(pulumiHome(), "plugins", `analyzer-policy-${runtime}-v1.0.0`);
  const runner = join(repositoryRoot, "node_modules", "@pulumi", "pulumi", "cmd", "run-policy-pack");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "PulumiPolicy.yaml"), `runtime: ${runtime}\n`);
  mkdirSync(plugin, { recursive: true });
  // The first argument is the engine's address, the second the pack's folder, which must be the working directory.
  const pack = join(repositoryRoot, "policy");
  const launcher = `#!/bin/sh\ncd "${pack}" && exec "${process.execPath}" "${runner}" "$1" .\n`;
  writeFileSync(join(plugin, `pulumi-analyzer-policy-${runtime}`), launcher, { mode: 0o755 });
  return folder;
}
