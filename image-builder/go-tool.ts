import { existsSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../lib/exec";
import { goModuleDir, goWanted } from "../lib/go-module";
import { cacheDir, toolPath } from "../lib/paths";

const packages = {
  crane: "github.com/google/go-containerregistry/cmd/crane",
  hey: "github.com/rakyll/hey",
};

/**
 * Path of a command-line tool that builds images or runs inside them. It comes from the cache. If the cache does not
 * have it, it is compiled in seconds, at the version that go.mod states.
 */
export async function goTool(name: keyof typeof packages): Promise<string> {
  const path = toolPath(name);
  if (existsSync(path)) return path;
  if (process.env.PATH?.split(":").some((dir) => existsSync(join(dir, "go"))) !== true)
    throw new Error(
      `${name} is neither in the cache nor can it be compiled: install Go ${goWanted()} or newer and run this again.`,
    );
  await exec("go", ["install", "-trimpath", "-ldflags=-s -w", packages[name]], {
    cwd: goModuleDir("shared"),
    env: { CGO_ENABLED: "0", GOBIN: join(cacheDir(), "bin"), GOFLAGS: "-mod=readonly", GOWORK: "off" },
  });
  return path;
}
