import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../../lib/exec";
import { cacheDir, toolPath } from "../../lib/paths";
import { moduleDir, moduleSource, toolGroup } from "./go-tools";

interface Manifest {
  /** Group of tools whose module carries the manifest. */
  group: string;
  module: string;
  /** A directory for `kustomize build`, or files that are copied. */
  from: { kustomization: string } | { files: string[] };
}

const manifests: Record<ManifestName, Manifest> = {
  "argo-workflows": {
    group: "argo-workflows",
    module: "github.com/argoproj/argo-workflows/v3",
    from: { kustomization: "manifests/namespace-install" },
  },
  "argo-cd": {
    group: "argo-cd",
    module: "github.com/argoproj/argo-cd/v3",
    from: {
      files: [
        "crds/application-crd.yaml",
        "crds/applicationset-crd.yaml",
        "crds/appproject-crd.yaml",
        "namespace-install.yaml",
      ].map((name) => `manifests/${name}`),
    },
  },
  contour: {
    group: "contour",
    module: "github.com/projectcontour/contour",
    from: { files: ["examples/render/contour-deployment.yaml", "examples/gateway/00-crds.yaml"] },
  },
};

/** The release manifests that come with the Go modules. */
export type ManifestName = "argo-workflows" | "argo-cd" | "contour";

/** Path of a release manifest, which {@link buildManifests} writes. */
export const manifestPath = (name: ManifestName): string => join(cacheDir(), "manifests", `${name}.yaml`);

/**
 * Writes the install manifests of Argo Workflows, Argo CD and Contour from the modules that they are compiled from,
 * unless they have been written for these versions. Needs the tool `kustomize`.
 * @returns whether anything was written
 */
export async function buildManifests(): Promise<boolean> {
  const wanted = fingerprint();
  const stamp = join(cacheDir(), "stamps", "manifests");
  const names = Object.keys(manifests) as ManifestName[];
  if (
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === wanted &&
    names.every((name) => existsSync(manifestPath(name)))
  )
    return false;
  mkdirSync(join(cacheDir(), "manifests"), { recursive: true });
  mkdirSync(join(cacheDir(), "stamps"), { recursive: true });
  for (const name of names) writeWhole(manifestPath(name), await render(manifests[name]));
  writeFileSync(stamp, wanted);
  return true;
}

async function render({ group, module, from }: Manifest): Promise<string> {
  const dir = await moduleSource(toolGroup(group), module);
  if ("kustomization" in from) return exec(toolPath("kustomize"), ["build", join(dir, from.kustomization)]);
  return from.files.map((file) => readFileSync(join(dir, file), "utf8")).join("\n---\n");
}

function fingerprint(): string {
  const hash = createHash("sha256").update(JSON.stringify(manifests));
  for (const { group } of Object.values(manifests))
    hash.update(readFileSync(join(moduleDir(toolGroup(group)), "go.mod")));
  return hash.digest("hex");
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}
