import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { exec } from "../../lib/exec";
import { goModuleDir, goModuleVersion } from "../../lib/go-module";
import { cacheDir } from "../../lib/paths";
import { installTool, originOf } from "./installed-tools";
import { isOfficial } from "./official-binaries";
import {
  commandVersion,
  providerModule,
  kubernetesVersion as providerVersion,
  writeProviderFiles,
} from "./provider-files";

/** Tools that are compiled together. */
export interface ToolGroup {
  name: string;
  /** Folder below `local/toolchain/go` of the Go module that they are made from. */
  module: "shared" | "pulumi-language-nodejs" | "prometheus" | "versitygw";
  /** How long it takes to compile on two cores after the groups before it, with which it shares libraries; measured. */
  minutes: number;
  /** File name of each tool and the Go package that it is made of; one that begins with `./` is in this repository. */
  tools: Record<string, string>;
  /** Build tags, which choose what the tools consist of. */
  tags?: string[];
  /** Values of string variables of the tools, e.g. their version. */
  variables?: Record<string, string>;
  /** The module that does not compile as published, or takes minutes more than need be: a copy of it is patched. */
  patch?: { module: string; files: Record<string, string> };
}

const kubernetes = goModuleVersion("shared", "k8s.io/kubernetes");
const [, major, minor] = /^v(\d+)[.](\d+)[.]/.exec(kubernetes)!;
const kubernetesVersion = { gitVersion: kubernetes, gitMajor: major, gitMinor: minor };
const argoWorkflowsVersion = goModuleVersion("shared", "github.com/argoproj/argo-workflows/v3");
const argoCdVersion = goModuleVersion("shared", "github.com/argoproj/argo-cd/v3");
const contourVersion = goModuleVersion("shared", "github.com/projectcontour/contour");
const prometheusVersion = goModuleVersion("prometheus", "github.com/prometheus/prometheus");
const page = { "ui/dist/app/index.html": "index.html" };

/**
 * Every group that each local cluster needs, in the order in which they are needed. Most are one Go module: they are
 * compiled from the same versions of their libraries, which `go build` compiles once.
 */
export const toolGroups: ToolGroup[] = [
  {
    name: "kubernetes",
    module: "shared",
    minutes: 6,
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
    module: "shared",
    minutes: 0.5,
    tools: {
      coredns: "./coredns",
      crane: "github.com/google/go-containerregistry/cmd/crane",
      hey: "github.com/rakyll/hey",
      kustomize: "sigs.k8s.io/kustomize/kustomize/v5",
    },
  },
  {
    name: "argo-workflows",
    module: "shared",
    minutes: 2,
    tools: {
      "workflow-controller": "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller",
      argoexec: "github.com/argoproj/argo-workflows/v3/cmd/argoexec",
      argo: "github.com/argoproj/argo-workflows/v3/cmd/argo",
    },
    variables: prefixed("github.com/argoproj/argo-workflows/v3.", {
      version: argoWorkflowsVersion,
      gitTag: argoWorkflowsVersion,
      gitTreeState: "clean",
    }),
    patch: {
      module: "github.com/argoproj/argo-workflows/v3",
      files: {
        ...page,
        "workflow/executor/osspecific/signal_linux.go": "signal_linux.go",
        "workflow/executor/gjson_labels_lookup.go": "gjson_labels_lookup.go",
      },
    },
  },
  {
    name: "argo-cd",
    module: "shared",
    minutes: 1.5,
    tools: { argocd: "github.com/argoproj/argo-cd/v3/cmd" },
    variables: prefixed("github.com/argoproj/argo-cd/v3/common.", {
      version: argoCdVersion.replace(/^v/, ""),
      gitTag: argoCdVersion,
      gitTreeState: "clean",
    }),
    patch: {
      module: "github.com/argoproj/argo-cd/v3",
      files: { ...page, "util/io/files/secure_mkdir_linux.go": "secure_mkdir_linux.go" },
    },
  },
  {
    name: "contour",
    module: "shared",
    minutes: 0.5,
    tools: { contour: "github.com/projectcontour/contour/cmd/contour" },
    variables: { "github.com/projectcontour/contour/internal/build.Version": contourVersion },
  },
  {
    name: "prometheus",
    module: "prometheus",
    minutes: 4,
    tools: {
      prometheus: "github.com/prometheus/prometheus/cmd/prometheus",
      promtool: "github.com/prometheus/prometheus/cmd/promtool",
    },
    // Of what finds the targets, only Kubernetes: the others bring the libraries of some twenty clouds.
    tags: ["remove_all_sd", "enable_kubernetes_sd"],
    variables: { "github.com/prometheus/common/version.Version": prometheusRelease(prometheusVersion) },
  },
  {
    name: "pulumi-language-nodejs",
    module: "pulumi-language-nodejs",
    minutes: 0.5,
    tools: { "pulumi-language-nodejs": "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs" },
  },
  {
    name: "pulumi",
    module: "shared",
    minutes: 3,
    tools: {
      pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      // Not under the names of plugins: Pulumi prefers one on its path to one that was downloaded.
      "kubernetes-provider": "./pulumi-resource-kubernetes",
      "command-provider": "./pulumi-resource-command",
    },
    variables: {
      "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": goModuleVersion(
        "shared",
        "github.com/pulumi/pulumi/sdk/v3",
      ),
      [`${providerModule}/pkg/version.Version`]: providerVersion,
      "main.version": commandVersion,
    },
    patch: {
      module: "github.com/pulumi/pulumi-kubernetes/sdk/v4",
      files: { "go/kubernetes/yaml/v2/kinds.go": "kinds.go" },
    },
  },
];

/** What only a stack with an object store of its own needs. */
export const objectStoreTools: ToolGroup = {
  name: "versitygw",
  module: "versitygw",
  minutes: 2,
  tools: { versitygw: "github.com/versity/versitygw/cmd/versitygw" },
  variables: { "main.Version": goModuleVersion("versitygw", "github.com/versity/versitygw") },
};

/** The group of this name. */
export function toolGroup(name: string): ToolGroup {
  const group = [...toolGroups, objectStoreTools].find((one) => one.name === name);
  if (!group)
    throw new Error(
      `There is no group of tools named ${name}: take one of ${toolGroups.map((one) => one.name).join(", ")}.`,
    );
  return group;
}

/**
 * The tools of a group that are in the cache neither as this Go makes them of the repository, nor as released. Without
 * Go, those count that the last Go made of it.
 */
export async function missingTools(group: ToolGroup, go = usedGo()): Promise<string[]> {
  const wanted = fingerprint(group, await go);
  return Object.keys(group.tools).filter((tool) => originOf(tool) !== wanted && !isOfficial(tool));
}

/**
 * Compiles tools of a group into `<cache>/bin`.
 * @param tools default: those that are missing
 * @param onPackage called with the number of packages compiled so far
 */
export async function buildTools(
  group: ToolGroup,
  tools?: readonly string[],
  onPackage: (count: number) => void = () => {},
): Promise<void> {
  const wanted = tools ?? (await missingTools(group));
  if (wanted.length === 0) return;
  const work = join(cacheDir(), "build", group.name);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const modfile = group.patch ? [`-modfile=${await patchedModfile(group, work)}`] : [];
  const overlay = embedsProviderFiles(group)
    ? [`-overlay=${writeProviderFiles(await moduleSource(group, providerModule), moduleDir(group), work)}`]
    : [];
  const flags = [
    "-v",
    "-trimpath",
    `-p=${parallel()}`,
    ...compilerFlags,
    ...(group.tags ? [`-tags=${group.tags.join(",")}`] : []),
    `-ldflags=${ldflags(group)}`,
    ...modfile,
    ...overlay,
  ];
  const out = join(work, "out");
  let count = 0;
  // All at once: one program is linked while the rest of another is compiled. Go names each after its package.
  await exec("go", ["build", ...flags, "-o", `${out}/`, ...wanted.map((tool) => group.tools[tool])], {
    cwd: moduleDir(group),
    env: goEnvironment,
    onLine: () => onPackage(++count),
  });
  const go = await goVersion();
  const origin = fingerprint(group, go);
  writeFileSync(lastGo(), go);
  for (const tool of wanted) installTool(tool, join(out, programName(group.tools[tool])), origin);
  rmSync(work, { recursive: true, force: true });
}

/** Directory of the sources of a module that this group requires; read-only. */
export async function moduleSource(group: ToolGroup, module: string): Promise<string> {
  const line = await exec("go", ["mod", "download", "-json", `${module}@${goModuleVersion(group.module, module)}`], {
    cwd: moduleDir(group),
  });
  return (JSON.parse(line) as { Dir: string }).Dir;
}

async function patchedModfile(group: ToolGroup, work: string): Promise<string> {
  const { module, files } = group.patch!;
  const copy = join(work, "module");
  // Go takes no overlay for files of the module cache.
  cpSync(await moduleSource(group, module), copy, { recursive: true });
  makeWritable(copy);
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(join(copy, path, ".."), { recursive: true });
    cpSync(join(patches, source), join(copy, path));
  }
  // A `replace` by path names a place on one machine, so it is added to a copy of go.mod and not to the committed one.
  const modfile = join(work, "go.mod");
  const text = readFileSync(join(moduleDir(group), "go.mod"), "utf8");
  writeFileSync(modfile, `${text}\nreplace ${module} => ${copy}\n`);
  cpSync(join(moduleDir(group), "go.sum"), join(work, "go.sum"));
  return modfile;
}

/** @param go what Go says of itself */
function fingerprint(group: ToolGroup, go: string): string {
  const { minutes: _, ...made } = group;
  const hash = createHash("sha256").update(JSON.stringify([made, goEnvironment, compilerFlags, go]));
  const own = Object.values(group.tools).filter((main) => main.startsWith("./"));
  const sources = own.flatMap((main) =>
    readdirSync(join(moduleDir(group), main))
      .sort()
      .map((name) => join(main, name)),
  );
  for (const file of ["go.mod", "go.sum", ...sources]) hash.update(readFileSync(join(moduleDir(group), file)));
  for (const file of Object.values(group.patch?.files ?? {})) hash.update(readFileSync(join(patches, file)));
  return hash.digest("hex");
}

let version: Promise<string> | undefined;
const goVersion = () => (version ??= exec("go", ["env", "GOVERSION", "GOOS", "GOARCH"]));
/** What the Go said of itself that compiled the tools of the cache. */
const lastGo = () => join(cacheDir(), "go-version");

/** The Go on PATH, or without one that of the last compilation; empty if there was none. */
function usedGo(): Promise<string> {
  return goVersion().catch(() => (existsSync(lastGo()) ? readFileSync(lastGo(), "utf8") : ""));
}

/** Without cgo the tools run in an image that holds nothing but them. */
export const goEnvironment = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" };
/** No debug information, which the linker would drop anyway: saves a tenth. Equal for all, to share packages. */
export const compilerFlags = ["-gcflags=all=-dwarf=false"];
const patches = join(__dirname, "patches");
/** Directory of a group's Go module. */
export const moduleDir = (group: ToolGroup) => goModuleDir(group.module);
const embedsProviderFiles = (group: ToolGroup) => "kubernetes-provider" in group.tools;

/** How many packages or programs are made at once: the linker of a large program takes up to 2 GB. */
const parallel = () => Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 31)));

/** The name that Go gives a program: the last part of its package's path that is no major version. */
function programName(main: string): string {
  return main
    .split("/")
    .filter((part) => !/^v\d+$/.test(part))
    .at(-1)!;
}

function ldflags(group: ToolGroup): string {
  return ["-s", "-w", ...Object.entries(group.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

/** The release of a version of Prometheus' Go module: 3.16.0 is published as the module v0.316.0. */
export function prometheusRelease(moduleVersion: string): string {
  const [, major, minor, patch] = /^v0[.](\d)(\d\d)[.](\d+)$/.exec(moduleVersion)!;
  return `${major}.${Number(minor)}.${patch}`;
}

function makeWritable(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.mode | 0o200);
  if (stat.isDirectory()) for (const name of readdirSync(path)) makeWritable(join(path, name));
}

function kubernetesTools(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]));
}

function prefixed(prefix: string, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}
