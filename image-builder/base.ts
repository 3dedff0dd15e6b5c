import { exec, succeeds } from "../lib/exec";
import { contentKey } from "./content-key";
import { type BuiltImage, layerImage } from "./layout";

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

/** The local root file system as an image: Debian's minimal base and its CA certificates. Making it needs root. */
export async function localBase(): Promise<BuiltImage> {
  const key = await contentKey([], [...options, path]);
  return layerImage({
    name: "base",
    key,
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
  const format = "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)";
  const targets = await exec("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]).catch(() => "");
  return debianSources(targets, process.env.GOURMETGRAM_DEBIAN_MIRROR);
}

/**
 * Sources of the images' Debian release: those that this machine's apt has of it; on another Debian its mirrors, which
 * have all releases; elsewhere, as on Ubuntu, the mirror that the user names.
 * @param targets lines of apt: the mirror, its suite, the component and its origin
 * @param mirror URL of a mirror, whose security updates are at the same URL with `-security`
 * @throws if there is none of these
 */
export function debianSources(targets: string, mirror?: string): string {
  const rows = targets.split("\n").map((line) => line.split(" "));
  const own = rows
    .filter(([, suite]) => suites.includes(suite))
    .map(([site, suite, part]) => `${site} ${suite} ${part}`);
  const ofMirrors = rows
    .filter(([, suite, , origin]) => origin === "Debian" && /^[a-z]+(-updates|-security)?$/.test(suite))
    .map(([site, suite, part]) => `[signed-by=${keyring}] ${site} ${suite.replace(/^[a-z]+/, release)} ${part}`);
  const ofMirror = suites.map((suite) => {
    const archive = suite.endsWith("-security") ? `${mirror}-security` : mirror;
    return `[signed-by=${keyring}] ${archive} ${suite} main`;
  });
  const found = [own, ofMirrors, mirror ? ofMirror : []].find((lines) => lines.length > 0);
  if (!found)
    throw new Error(
      "apt of this machine has no source of Debian, which the images are made of: set GOURMETGRAM_DEBIAN_MIRROR to a " +
        "mirror of Debian, as in http://mirror.example.org/debian.",
    );
  return [...new Set(found)].map((line) => `deb ${line}\n`).join("");
}
