import { existsSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../lib/exec";
import { cacheDir, toolPath } from "../lib/paths";

const modules: Record<string, string> = {
  crane: "github.com/google/go-containerregistry/cmd/crane@v0.20.6",
  hey: "github.com/rakyll/hey@v0.1.4",
};

/**
 * Path of a command-line tool that the images need on this machine or inside them: from the cache, else compiled
 * from its Go module into it (seconds).
 */
export async function goTool(name: "crane" | "hey"): Promise<string> {
  const path = toolPath(name);
  if (existsSync(path)) return path;
  if (process.env.PATH?.split(":").some((dir) => existsSync(join(dir, "go"))) !== true)
    throw new Error(
      `${name} is neither in the cache nor can it be compiled: install Go 1.24 or newer and run this again.`,
    );
  await exec("go", ["install", "-trimpath", "-ldflags=-s -w", modules[name]], {
    env: { CGO_ENABLED: "0", GOBIN: join(cacheDir(), "bin") },
  });
  return path;
}
