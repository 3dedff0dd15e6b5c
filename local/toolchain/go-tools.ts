import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exec } from "../../lib/exec";
import { cacheDir, toolPath } from "../../lib/paths";

/** Tools that are compiled together, from the module `local/toolchain/go/<name>`. */
export interface ToolGroup {
  name: string;
  /** How long it takes to compile from nothing on two cores, measured. */
  minutes: number;
  /** File name of each tool and the Go package that it is made of. */
  tools: Record<string, string>;
  /** Values of string variables of the tools, e.g. their version. */
  variables?: Record<string, string>;
  /** The module that does not compile as published: a copy of it is mended. */
  mend?: { module: string; files: Record<string, string> };
}

const kubernetesVersion = { gitVersion: "v1.34.4", gitMajor: "1", gitMinor: "34" };
const page = { "ui/dist/app/index.html": "index.html" };

/** Every group, in the order in which they are needed. */
export const toolGroups: ToolGroup[] = [
  {
    name: "kubernetes",
    minutes: 5,
    tools: kubernetesTools(
      "kube-apiserver",
      "kube-controller-manager",
      "kube-proxy",
      "kube-scheduler",
      "kubeadm",
      "kubectl",
      "kubelet",
    ),
    variables: {
      ...prefixed("k8s.io/component-base/version.", kubernetesVersion),
      "k8s.io/client-go/pkg/version.gitVersion": kubernetesVersion.gitVersion,
    },
  },
  {
    name: "tools",
    minutes: 0.5,
    tools: {
      crane: "github.com/google/go-containerregistry/cmd/crane",
      hey: "github.com/rakyll/hey",
      kustomize: "sigs.k8s.io/kustomize/kustomize/v5",
    },
  },
  { name: "coredns", minutes: 2, tools: { coredns: "github.com/coredns/coredns" } },
  {
    name: "pulumi-language-nodejs",
    minutes: 0.5,
    tools: { "pulumi-language-nodejs": "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs" },
  },
  {
    name: "pulumi",
    minutes: 3,
    tools: { pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" },
    variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v3.232.0" },
  },
  {
    name: "argo-workflows",
    minutes: 5,
    tools: {
      "workflow-controller": "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller",
      argoexec: "github.com/argoproj/argo-workflows/v3/cmd/argoexec",
      argo: "github.com/argoproj/argo-workflows/v3/cmd/argo",
    },
    variables: prefixed("github.com/argoproj/argo-workflows/v3.", {
      version: "v3.7.18",
      gitTag: "v3.7.18",
      gitTreeState: "clean",
    }),
    mend: {
      module: "github.com/argoproj/argo-workflows/v3",
      files: { ...page, "workflow/executor/osspecific/signal_linux.go": "signal_linux.go" },
    },
  },
  {
    name: "argo-cd",
    minutes: 6,
    tools: { argocd: "github.com/argoproj/argo-cd/v3/cmd" },
    variables: prefixed("github.com/argoproj/argo-cd/v3/common.", {
      version: "3.2.6",
      gitTag: "v3.2.6",
      gitTreeState: "clean",
    }),
    mend: { module: "github.com/argoproj/argo-cd/v3", files: page },
  },
];

/** The group of this name. */
export function toolGroup(name: string): ToolGroup {
  const group = toolGroups.find((one) => one.name === name);
  if (!group)
    throw new Error(
      `There is no group of tools named ${name}: take one of ${toolGroups.map((one) => one.name).join(", ")}.`,
    );
  return group;
}

/** Whether the tools of a group are in the cache, made of what is in the repository and by this Go. */
export async function isBuilt(group: ToolGroup): Promise<boolean> {
  return (
    Object.keys(group.tools).every((tool) => existsSync(toolPath(tool))) &&
    readIfThere(stampPath(group)) === (await fingerprint(group))
  );
}

/**
 * Compiles the tools of a group into `<cache>/bin`, unless what they are made of is what it was the last time.
 * @param onPackage called with the number of packages compiled so far.
 * @returns whether anything was compiled.
 */
export async function buildTools(group: ToolGroup, onPackage: (count: number) => void = () => {}): Promise<boolean> {
  if (await isBuilt(group)) return false;
  const work = join(cacheDir(), "build", group.name);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const modfile = group.mend ? await mendedModfile(group, work) : undefined;
  let count = 0;
  for (const [tool, main] of Object.entries(group.tools)) {
    const flags = ["-v", "-trimpath", `-ldflags=${ldflags(group)}`, ...(modfile ? [`-modfile=${modfile}`] : [])];
    // One at a time: the linker of several large programs at once needs more memory than a small machine has.
    await exec("go", ["build", ...flags, "-o", join(work, tool), main], {
      cwd: moduleDir(group),
      env: goEnvironment,
      onLine: () => onPackage(++count),
    });
  }
  mkdirSync(join(cacheDir(), "bin"), { recursive: true });
  mkdirSync(join(cacheDir(), "stamps"), { recursive: true });
  for (const tool of Object.keys(group.tools)) renameSync(join(work, tool), toolPath(tool));
  rmSync(work, { recursive: true, force: true });
  writeFileSync(stampPath(group), await fingerprint(group));
  return true;
}

/** Directory of the sources of a module that this group requires; read-only. */
export async function moduleSource(group: ToolGroup, module: string): Promise<string> {
  const line = await exec("go", ["mod", "download", "-json", `${module}@${moduleVersion(group, module)}`], {
    cwd: moduleDir(group),
  });
  return (JSON.parse(line) as { Dir: string }).Dir;
}

async function mendedModfile(group: ToolGroup, work: string): Promise<string> {
  const { module, files } = group.mend!;
  const copy = join(work, "module");
  // Go takes no overlay for files of the module cache.
  cpSync(await moduleSource(group, module), copy, { recursive: true });
  makeWritable(copy);
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(join(copy, path, ".."), { recursive: true });
    cpSync(join(__dirname, "patches", source), join(copy, path));
  }
  // A `replace` by path names a place on one machine, so it is added to a copy of go.mod and not to the committed one.
  const modfile = join(work, "go.mod");
  const text = readFileSync(join(moduleDir(group), "go.mod"), "utf8");
  writeFileSync(modfile, `${text}\nreplace ${module} => ${copy}\n`);
  cpSync(join(moduleDir(group), "go.sum"), join(work, "go.sum"));
  return modfile;
}

async function fingerprint(group: ToolGroup): Promise<string> {
  const { minutes: _, ...made } = group;
  const hash = createHash("sha256").update(JSON.stringify([made, goEnvironment, await goVersion()]));
  for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(moduleDir(group), file)));
  for (const file of Object.values(group.mend?.files ?? {}))
    hash.update(readFileSync(join(__dirname, "patches", file)));
  return hash.digest("hex");
}

let version: Promise<string> | undefined;
const goVersion = () => (version ??= exec("go", ["env", "GOVERSION", "GOOS", "GOARCH"]));

/** Version of a module as go.mod requires it. */
function moduleVersion(group: ToolGroup, module: string): string {
  const found = readFileSync(join(moduleDir(group), "go.mod"), "utf8").match(
    new RegExp(`^(?:require)?\\s+${module.replace(/[./]/g, "\\$&")} (v\\S+)`, "m"),
  );
  if (!found)
    throw new Error(`local/toolchain/go/${group.name}/go.mod does not require ${module}: add it with \`go get\`.`);
  return found[1];
}

/** Without cgo the tools run in an image that holds nothing but them. */
const goEnvironment = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" };
const moduleDir = (group: ToolGroup) => join(__dirname, "go", group.name);
const stampPath = (group: ToolGroup) => join(cacheDir(), "stamps", group.name);
const readIfThere = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

function ldflags(group: ToolGroup): string {
  return ["-s", "-w", ...Object.entries(group.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

function makeWritable(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.mode | 0o200);
  if (stat.isDirectory()) readdirSync(path).forEach((name) => makeWritable(join(path, name)));
}

function kubernetesTools(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]));
}

function prefixed(prefix: string, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}
