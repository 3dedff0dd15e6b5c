/** For which architectures this machine builds images. */
import { existsSync } from "node:fs";
import { exec } from "../lib/exec";
import { type BaseKind, baseKind } from "./base";
import { hasDocker } from "./builder";

/** Kubernetes' names of Node.js's names, where they differ. */
const kubernetesNames: Record<string, string> = { x64: "amd64", ia32: "386" };

/** Architecture of this machine, as Kubernetes names it: `amd64`, `arm64`. */
export const machineArchitecture = (name: string = process.arch): string => kubernetesNames[name] ?? name;

/** QEMU's names of the architectures for which there is every part of the images. */
const emulators: Record<string, string> = { amd64: "x86_64", arm64: "aarch64" };

/** What decides whether images can be built for an architecture. */
export interface BuildFacts {
  /** Architecture of the images: `amd64` or `arm64`, or this machine's. */
  architecture: string;
  /** Architecture of this machine. */
  machine: string;
  base: BaseKind;
  /** Platforms whose programs Docker runs, as in `linux/arm64`; undefined if buildah builds. */
  dockerPlatforms?: readonly string[];
  /** Whether Linux runs programs of the images' architecture, in QEMU. */
  emulated: boolean;
}

/** Why images cannot be built for an architecture, and what to do; undefined if they can be. */
export function architectureProblem(facts: BuildFacts): string | undefined {
  const { architecture, machine, base, dockerPlatforms, emulated } = facts;
  if (architecture === machine) return undefined;
  if (base === "local")
    return `the base image that this machine makes is for ${machine}: set GOURMETGRAM_IMAGE_BASE=published`;
  if (!dockerPlatforms)
    return emulated ? undefined : `this machine does not run programs for ${architecture}: install qemu-user-static`;
  const platform = `linux/${architecture}`;
  if (dockerPlatforms.some((known) => known === platform || known.startsWith(`${platform}/`))) return undefined;
  return (
    `Docker does not run programs for ${architecture} here: ` +
    `run docker run --privileged --rm tonistiigi/binfmt --install ${architecture}`
  );
}

/** @throws if this machine cannot build images for the architecture; nothing has been built by then */
export async function refuseUnbuildable(architecture: string): Promise<void> {
  const machine = machineArchitecture();
  if (architecture === machine) return;
  const problem =
    architecture in emulators
      ? architectureProblem(await readFacts(architecture, machine))
      : `images are built for ${Object.keys(emulators).join(" and ")} alone`;
  if (!problem) return;
  throw new Error(
    `This machine is for ${machine}, and cannot build images for ${architecture}: ${problem}, or build on a machine ` +
      `for ${architecture}, as in CI. Nothing was built.`,
  );
}

async function readFacts(architecture: string, machine: string): Promise<BuildFacts> {
  const base = await baseKind();
  return {
    architecture,
    machine,
    base,
    dockerPlatforms: (await hasDocker(base)) ? await dockerPlatforms() : undefined,
    emulated: existsSync(`/proc/sys/fs/binfmt_misc/qemu-${emulators[architecture]}`),
  };
}

const dockerPlatforms = async (): Promise<string[]> => platformsOf(await exec("docker", ["buildx", "inspect"]));

/** The platforms in the output of `docker buildx inspect`. A star marks those that a person has chosen. */
export function platformsOf(output: string): string[] {
  const lists = [...output.matchAll(/^Platforms:\s+(.*)$/gm)].map(([, list]) => list);
  return lists.flatMap((list) => list.split(",").map((platform) => platform.trim().replace("*", "")));
}
