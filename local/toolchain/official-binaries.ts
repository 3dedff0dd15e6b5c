/** The binaries that the makers of the tools publish, of the versions that the Go modules state. */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { download, type SpeedLimit } from "../../lib/download";
import { exec } from "../../lib/exec";
import { goModuleVersion } from "../../lib/go-module";
import { cacheDir } from "../../lib/paths";
import { type Pins, readPins } from "../../lib/pins";
import { installTool, originOf } from "./installed-tools";
import { commandVersion, kubernetesVersion as providerVersion } from "./provider-files";

/** A file of a release. */
export interface OfficialFile {
  /** What it holds, with its version: `crane v0.20.6`. */
  title: string;
  url: string;
  /** Where the release states the hash of this file. */
  checksums: string;
  /** Name in the cache of each tool that it holds, and the tool's path in the archive. */
  tools: Record<string, string>;
}

/** The architectures that have binaries here, as Go names them. */
export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];
const machine: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

/** The table of hashes, by URL. `npm run toolchain -- pin` checks and writes it. */
export const hashesPath = join(__dirname, "official-hashes.json");

const version = (module: string) => goModuleVersion("shared", module);
const github = (repository: string, tag: string) => `https://github.com/${repository}/releases/download/${tag}`;

/**
 * Every file. `hey` has none: it is published without a version. What is in an image alone has none either, since the
 * official image has it.
 */
export function officialFiles(architecture: Architecture = machine): OfficialFile[] {
  return [
    kubernetes(version("k8s.io/kubernetes"), architecture),
    crane(version("github.com/google/go-containerregistry"), architecture),
    kustomize(version("sigs.k8s.io/kustomize/kustomize/v5"), architecture),
    argo(version("github.com/argoproj/argo-workflows/v3"), architecture),
    pulumi(version("github.com/pulumi/pulumi/sdk/v3"), architecture),
    provider("kubernetes", providerVersion, architecture),
    provider("command", commandVersion, architecture),
  ];
}

function kubernetes(tag: string, architecture: Architecture): OfficialFile {
  const url = `https://dl.k8s.io/${tag}/kubernetes-server-linux-${architecture}.tar.gz`;
  const names = ["apiserver", "controller-manager", "proxy", "scheduler"].map((name) => `kube-${name}`);
  const tools = [...names, "kubeadm", "kubectl", "kubelet"].map((tool) => [tool, `kubernetes/server/bin/${tool}`]);
  return { title: `Kubernetes ${tag}`, url, checksums: `${url}.sha512`, tools: Object.fromEntries(tools) };
}

function crane(tag: string, architecture: Architecture): OfficialFile {
  const release = github("google/go-containerregistry", tag);
  const processor = architecture === "amd64" ? "x86_64" : architecture;
  return {
    title: `crane ${tag}`,
    url: `${release}/go-containerregistry_Linux_${processor}.tar.gz`,
    checksums: `${release}/checksums.txt`,
    tools: { crane: "crane" },
  };
}

function kustomize(tag: string, architecture: Architecture): OfficialFile {
  const release = github("kubernetes-sigs/kustomize", `kustomize%2F${tag}`);
  return {
    title: `kustomize ${tag}`,
    url: `${release}/kustomize_${tag}_linux_${architecture}.tar.gz`,
    checksums: `${release}/checksums.txt`,
    tools: { kustomize: "kustomize" },
  };
}

function argo(tag: string, architecture: Architecture): OfficialFile {
  const release = github("argoproj/argo-workflows", tag);
  const name = `argo-linux-${architecture}`;
  return {
    title: `argo ${tag}`,
    url: `${release}/${name}.gz`,
    checksums: `${release}/argo-workflows-cli-checksums.txt`,
    tools: { argo: name },
  };
}

function pulumi(tag: string, architecture: Architecture): OfficialFile {
  const processor = architecture === "amd64" ? "x64" : architecture;
  return {
    title: `Pulumi ${tag}`,
    url: `https://get.pulumi.com/releases/sdk/pulumi-${tag}-linux-${processor}.tar.gz`,
    checksums: `${github("pulumi/pulumi", tag)}/pulumi-${tag.slice(1)}-checksums.txt`,
    tools: { pulumi: "pulumi/pulumi", "pulumi-language-nodejs": "pulumi/pulumi-language-nodejs" },
  };
}

function provider(name: "kubernetes" | "command", release: string, architecture: Architecture): OfficialFile {
  return {
    title: `Pulumi's ${name} provider v${release}`,
    url: `https://api.pulumi.com/releases/plugins/pulumi-resource-${name}-v${release}-linux-${architecture}.tar.gz`,
    checksums: `${github(`pulumi/pulumi-${name}`, `v${release}`)}/pulumi-${name}_${release}_checksums.txt`,
    // Not under the name of a plugin: see the group `pulumi` in go-tools.ts.
    tools: { [`${name}-provider`]: `pulumi-resource-${name}` },
  };
}

/** Whether a tool in the cache is the official one of today's version and hash. */
export function isOfficial(tool: string, files = officialFiles(), hashes: Pins = readPins(hashesPath)): boolean {
  const file = files.find(({ tools }) => tool in tools);
  const hash = file && hashes[file.url]?.hash;
  return hash !== undefined && originOf(tool) === hash;
}

/**
 * Downloads a file and puts its tools into the cache.
 * @throws DownloadError, and Error if a tool is not in it
 */
export async function installOfficial(file: OfficialFile, hash: string, limit?: SpeedLimit): Promise<void> {
  const work = join(cacheDir(), "official", encodeURIComponent(file.title));
  const archive = join(work, basename(file.url));
  rmSync(work, { recursive: true, force: true });
  try {
    await download(file.url, archive, hash, limit);
    await unpack(archive, work, Object.values(file.tools));
    for (const [tool, path] of Object.entries(file.tools)) installTool(tool, join(work, path), hash);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function unpack(archive: string, folder: string, paths: string[]): Promise<void> {
  if (/[.](tar[.]gz|tgz)$/.test(archive)) await exec("tar", ["-xzf", archive, "-C", folder, ...paths]);
  else await exec("gunzip", [archive]);
  await exec("chmod", ["755", ...paths.map((path) => join(folder, path))]);
}
