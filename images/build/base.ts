import { rm, writeFile } from "node:fs/promises";
import { run, succeeds } from "../../local/run";
import { contentKey } from "./content-key";
import { layerImage, type BuiltImage } from "./layout";

/**
 * What the images stand on. `published`: Debian's image by digest, as the Dockerfiles say. `local`: a root
 * file system of the same Debian release, made by mmdebstrap for machines that reach package registries only.
 */
export type BaseKind = "published" | "local";

const release = "bookworm";
const suites = [release, `${release}-updates`, `${release}-security`];
const publicSources = suites
  .map((suite) => `deb http://deb.debian.org/debian${suite.endsWith("-security") ? "-security" : ""} ${suite} main\n`)
  .join("");
const options = [
  "--variant=minbase",
  "--include=ca-certificates",
  '--aptopt=APT::Install-Recommends "false"',
  ...["doc", "man", "info", "locale"].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  "--dpkgopt=path-include=/usr/share/doc/*/copyright",
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
  const key = await contentKey([], [publicSources, ...options, path]);
  return layerImage({
    name: "base",
    key,
    config: { Env: [path], Cmd: ["bash"] },
    tar: async (tar) => {
      const sources = `${tar}.sources.list`;
      // The image names Debian's public mirror, whichever one this machine was told to use.
      await writeFile(sources, publicSources);
      await run("mmdebstrap", [...options, `--customize-hook=upload ${sources} /etc/apt/sources.list`, release, tar, "-"], {
        input: await machineSources(),
      });
      await rm(sources);
    },
  });
}

/** The Debian mirrors that this machine's apt uses for the release of the images; the public one by default. */
export async function machineSources(): Promise<string> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT)";
  const targets = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]).catch(() => "");
  const lines = targets.split("\n").filter((line) => suites.includes(line.split(" ")[1]));
  return lines.length ? [...new Set(lines)].map((line) => `deb ${line}\n`).join("") : publicSources;
}
