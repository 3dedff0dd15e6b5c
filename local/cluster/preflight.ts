import { existsSync, mkdirSync, statfsSync } from "node:fs";
import { exec } from "../../lib/exec";
import { goWanted, isOlderGo } from "../../lib/go-module";
import { cacheDir, stateDir, toolPath } from "../../lib/paths";
import { toolGroups } from "../toolchain/go-tools";
import { pulledImages } from "../toolchain/third-party-images/official-images";
import { isNeeded, type LocalImageName } from "../toolchain/third-party-images/recipes";

/** What the checks before the start of the local cluster read. */
export interface PreflightFacts {
  platform: string;
  uid: number;
  /** Whether Debian's package manager is installed. */
  apt: boolean;
  /** Version of Go, e.g. `1.26.8`; undefined if it is not installed. */
  go?: string;
  /** Version of Go that the modules ask for. */
  goWanted: string;
  /** Free space in bytes for the cache and the state. */
  disk: { path: string; free: number }[];
  /** Whether every tool that is needed is in the cache already. */
  compiled: boolean;
  /** Whether the machine's own network has IPv6. */
  ipv6: boolean;
}

const gigabyte = 1e9;
const otherCluster = "or name the context of a cluster of your own in gourmetgram:cluster.context of the stack file";

/** Everything that prevents the start of the local cluster. Each sentence says what to do. */
export function preflightErrors(facts: PreflightFacts): string[] {
  const errors: string[] = [];
  if (facts.platform !== "linux")
    return [`The local cluster needs Linux, and this is ${facts.platform}: use a Linux machine, ${otherCluster}.`];
  if (facts.uid !== 0)
    errors.push(
      `The local cluster needs root, for its network namespace and its mounts: run it with sudo, ${otherCluster}.`,
    );
  if (!facts.apt)
    errors.push(
      `The local cluster installs Debian packages, and there is no apt-get: use Debian 12 or later, ${otherCluster}.`,
    );
  if (!facts.compiled) {
    if (!facts.go)
      errors.push(
        `Go is not installed: install Go ${facts.goWanted} or newer from https://go.dev/dl and put it on PATH.`,
      );
    else if (isOlderGo(facts.go, facts.goWanted))
      errors.push(`Go ${facts.go} is too old: install Go ${facts.goWanted} or newer from https://go.dev/dl.`);
  }
  const wanted = (facts.compiled ? 5 : 15) * gigabyte;
  for (const { path, free } of facts.disk) {
    if (free < wanted)
      errors.push(
        `Only ${(free / gigabyte).toFixed(1)} GB are free at ${path}, and ${wanted / gigabyte} GB are needed: ` +
          "free some, or set GOURMETGRAM_CACHE and GOURMETGRAM_STATE to a larger disk.",
      );
  }
  return errors;
}

/** Reads the facts of this machine. */
export async function preflightFacts(): Promise<PreflightFacts> {
  const dirs = [cacheDir(), stateDir()];
  // Without root it cannot write there. The check for root then says so.
  const disk = process.platform === "linux" && process.getuid?.() === 0 ? dirs.map(freeSpace) : [];
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    apt: ["/usr/bin/apt-get", "/bin/apt-get"].some(existsSync),
    go: await exec("go", ["env", "GOVERSION"]).then(
      (text) => text.trim().replace(/^go/, ""),
      () => undefined,
    ),
    goWanted: goWanted(),
    disk,
    ipv6: existsSync("/proc/net/if_inet6"),
    compiled: neededTools(await pulledImages()).every((tool) => existsSync(toolPath(tool))),
  };
}

const neededTools = (pulled: ReadonlySet<LocalImageName>) =>
  toolGroups.flatMap(({ tools }) => Object.keys(tools)).filter((tool) => isNeeded(tool, pulled));

function freeSpace(path: string): { path: string; free: number } {
  mkdirSync(path, { recursive: true });
  const { bavail, bsize } = statfsSync(path);
  return { path, free: bavail * bsize };
}
