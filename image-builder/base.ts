import { exec, succeeds } from "../lib/exec";
import { contentKey } from "./content-key";
import { type BuiltImage, layerImage } from "./layout";

/**
 * What the images stand on. `published`: Debian's image by digest, as the Dockerfiles say. `local`: a root
 * file system of the same Debian release, made by mmdebstrap for machines that reach package registries only.
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
  // The image names no mirror: builds bring the one that their machine was told to use.
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

/** The local root file system as an image: Debian's minimal base and its CA certificates. Root alone can make it. */
export async function localBase(): Promise<BuiltImage> {
  const key = await contentKey([], [...options, path]);
  return layerImage({
    name: "base",
    key,
    config: { Env: [path], Cmd: ["bash"] },
    tar: async (tar) =>
      void (await exec("mmdebstrap", [...options, release, tar, "-"], { input: await machineSources() })),
  });
}

/** The Debian mirrors that this machine's apt uses for the release of the images. @throws where it uses none */
export async function machineSources(): Promise<string> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT)";
  const targets = await exec("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]).catch(() => "");
  const lines = targets.split("\n").filter((line) => suites.includes(line.split(" ")[1]));
  if (lines.length === 0)
    throw new Error(
      `apt of this machine knows no packages of Debian ${release}, which the images are made of: add its sources, run apt-get update, then this again.`,
    );
  return [...new Set(lines)].map((line) => `deb ${line}\n`).join("");
}
