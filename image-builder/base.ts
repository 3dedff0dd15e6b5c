import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, succeeds } from "../lib/exec";
import { contentKey } from "./content-key";
import { type BuiltImage, findLayout, layerImage } from "./layout";

/**
 * The base of the images. `published` is Debian's image by digest, as the Dockerfiles say. `local` is a root file
 * system of the same Debian release, made by mmdebstrap, for machines that reach package registries only.
 */
export type BaseKind = "published" | "local";

const release = "bookworm";
const suites = [release, `${release}-updates`, `${release}-security`];
const options = [
  "--variant=minbase",
  "--include=ca-certificates",
  '--aptopt=APT::Install-Recommends "false"',
  ...["doc", "man", "info", "locale"].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  "--dpkgopt=path-include=/usr/share/doc/*/copyright",
  // The image names no mirror. A build uses the mirror that its machine is configured with.
  '--customize-hook=truncate --size=0 "$1/etc/apt/sources.list"',
];
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The kind of base: `GOURMETGRAM_IMAGE_BASE` (`published` or `local`), by default `published` where a Docker
 * engine answers, else `local`.
 */
export async function baseKind(): Promise<BaseKind> {
  const set = process.env.GOURMETGRAM_IMAGE_BASE;
  if (set === "published" || set === "local") return set;
  if (set) throw new Error(`GOURMETGRAM_IMAGE_BASE is "${set}": set it to published or local, or unset it.`);
  return (await succeeds("docker", ["info"])) ? "published" : "local";
}

/** What the local root file system is made from: its key in the cache. */
export const baseKey = () => contentKey([], [...options, path]);

/** The local root file system as an image: Debian's minimal base and its CA certificates. Making it needs root. */
export async function localBase(): Promise<BuiltImage> {
  return layerImage({
    name: "base",
    key: await baseKey(),
    config: { Env: [path], Cmd: ["bash"] },
    tar: async (tar) => {
      await exec("mmdebstrap", [...options, release, tar, "-"], { input: await machineSources() });
    },
  });
}

/** Debian's key, of the package debian-archive-keyring. The base image has it at the same place. */
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Sources of the images' Debian release, for mmdebstrap and for the builds. */
export async function machineSources(): Promise<string> {
  return debianSources(await aptTargets(), debianMirror());
}

async function aptTargets(): Promise<string> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)";
  return exec("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]).catch(() => "");
}

const debianDomain = "debian.org";
/** Debian's own mirror. */
const publicMirror = `https://deb.${debianDomain}/debian`;

/** The mirror that is used where apt has no source of Debian: `GOURMETGRAM_DEBIAN_MIRROR`, default Debian's own. */
const debianMirror = (): string => process.env.GOURMETGRAM_DEBIAN_MIRROR || publicMirror;

/**
 * Sources of the images' Debian release: those that this machine's apt has of it; on another Debian its mirrors, which
 * have all releases; elsewhere, as on Ubuntu, a mirror.
 * @param targets lines of apt: the mirror, its suite, the component and its origin
 * @param mirror URL of the mirror, whose security updates are at the same URL with `-security`
 */
export function debianSources(targets: string, mirror: string): string {
  const ofMirror = suites.map((suite) => {
    const archive = suite.endsWith("-security") ? `${mirror}-security` : mirror;
    return `[signed-by=${keyring}] ${archive} ${suite} main`;
  });
  const ofMachine = sourcesOfMachine(targets);
  return [...new Set(ofMachine.length > 0 ? ofMachine : ofMirror)].map((line) => `deb ${line}\n`).join("");
}

/** What apt of this machine gives for the images' Debian release; empty where it has no source of Debian. */
function sourcesOfMachine(targets: string): string[] {
  const rows = targets.split("\n").map((line) => line.split(" "));
  const own = rows
    .filter(([, suite]) => suites.includes(suite))
    .map(([site, suite, part]) => `${site} ${suite} ${part}`);
  if (own.length > 0) return own;
  return rows
    .filter(([, suite, , origin]) => origin === "Debian" && /^[a-z]+(-updates|-security)?$/.test(suite))
    .map(([site, suite, part]) => `[signed-by=${keyring}] ${site} ${suite.replace(/^[a-z]+/, release)} ${part}`);
}

/**
 * The mirror, if a root file system is still to be made from it and it does not answer apt within ten seconds.
 * Undefined otherwise, and where apt has sources of Debian.
 */
export async function unreachableMirror(): Promise<string | undefined> {
  if (sourcesOfMachine(await aptTargets()).length > 0) return undefined;
  if ((await baseKind()) !== "local" || (await findLayout("base", await baseKey()))) return undefined;
  const mirror = debianMirror();
  return (await aptCanRead(`${mirror}/dists/${release}/InRelease`)) ? undefined : mirror;
}

/** Whether apt, with its own proxy and its own credentials, can read a file. */
async function aptCanRead(url: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-mirror-"));
  try {
    const helper = ["/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=0", "download-file", url, join(folder, "file")];
    return await succeeds("timeout", ["10", ...helper]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
