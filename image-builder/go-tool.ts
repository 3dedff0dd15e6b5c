import { existsSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../lib/exec";
import { goModuleDir, goWanted } from "../lib/go-module";
import { cacheDir, toolPath } from "../lib/paths";

const tools = {
  crane: { module: "shared", package: "github.com/google/go-containerregistry/cmd/crane" },
  hey: { module: "shared", package: "github.com/rakyll/hey" },
  kind: { module: "kind", package: "sigs.k8s.io/kind" },
};

/**
 * Path of a command-line tool that builds images, runs inside them, or makes a cluster. It comes from the cache. If the
 * cache does not have it, it is compiled in seconds, at the version that go.mod states.
 */
export async function goTool(name: keyof typeof tools): Promise<string> {
  const path = toolPath(name);
  if (existsSync(path)) return path;
  if (process.env.PATH?.split(":").some((dir) => existsSync(join(dir, "go"))) !== true)
    throw new Error(
      `${name} is neither in the cache nor can it be compiled: install Go ${goWanted()} or newer and run this again.`,
    );
  // Several may ask for it at once.
  const compilation = compilations.get(path) ?? compile(name);
  compilations.set(path, compilation);
  await compilation.finally(() => compilations.delete(path));
  return path;
}

const compilations = new Map<string, Promise<unknown>>();

const compile = (name: keyof typeof tools) =>
  exec("go", ["install", "-trimpath", "-ldflags=-s -w", tools[name].package], {
    cwd: goModuleDir(tools[name].module),
    env: { CGO_ENABLED: "0", GOBIN: join(cacheDir(), "bin"), GOFLAGS: "-mod=readonly", GOWORK: "off" },
  });
