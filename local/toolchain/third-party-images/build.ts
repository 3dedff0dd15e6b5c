import { existsSync } from "node:fs";
import { join } from "node:path";
import { localBase } from "../../../image-builder/base";
import { contentKey, fileHash } from "../../../image-builder/content-key";
import { buildDockerfile, type Report } from "../../../image-builder/dockerfile";
import { type BuiltImage, type ImageConfig, layerImage } from "../../../image-builder/layout";
import { exec } from "../../../lib/exec";
import { cacheDir } from "../../../lib/paths";
import { pulledImage } from "./official-images";
import { type LocalImageName, localImageNames, officialImage, recipeOf } from "./recipes";

const toStandardError: Report = (line) => console.error(line);

/**
 * Takes the official images that were pulled, and builds the others from Debian packages, PyPI and Go programs.
 * @param binDir folder of the Go programs, by default the cache's
 * @param names default: all. Images whose binaries are not compiled yet can be built by a later call
 * @throws if a binary is missing
 */
export async function buildLocalImages(
  binDir = join(cacheDir(), "bin"),
  names: readonly LocalImageName[] = localImageNames,
  report: Report = toStandardError,
): Promise<Partial<Record<LocalImageName, BuiltImage>>> {
  const built: Partial<Record<LocalImageName, BuiltImage>> = {};
  for (const name of names) {
    const pulled = await pulledImage(name, officialImage(name));
    if (pulled) {
      built[name] = pulled;
      continue;
    }
    const recipe = recipeOf(name);
    const files = await binaryFiles(name, binDir);
    const context = join(__dirname, name);
    if (recipe.dockerfile) {
      const images = recipe.binaries ? { BINARIES: await binaryImage(`${name}-binaries`, files, {}) } : undefined;
      built[name] = await buildDockerfile({ name, context, base: "local", images }, report);
    } else {
      const inBin = Object.fromEntries(Object.entries(files).map(([path, file]) => [`bin/${path}`, file]));
      built[name] = await binaryImage(name, inBin, recipe.config ?? {}, recipe.bare ? undefined : await localBase());
      report(`${name}: ${built[name].fresh ? "built" : "unchanged"}, ${built[name].digest}`);
    }
  }
  return built;
}

async function binaryFiles(name: LocalImageName, binDir: string): Promise<Record<string, string>> {
  const entries = (recipeOf(name).binaries ?? []).map(async (binary) => {
    const path = binary === "pause" ? await compilePause() : join(binDir, binary);
    if (!existsSync(path))
      throw new Error(
        `${binary} for the image ${name} is not in ${binDir} yet: compile it first, then build the image.`,
      );
    return [binary, path];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function binaryImage(
  name: string,
  files: Record<string, string>,
  config: ImageConfig,
  base?: BuiltImage,
): Promise<BuiltImage> {
  const hashes = await Promise.all(
    Object.entries(files).map(async ([path, file]) => `${path}=${await fileHash(file)}`),
  );
  const key = await contentKey([], [...hashes, JSON.stringify(config), base?.digest ?? ""]);
  return layerImage({ name, key, files, config, base });
}

async function compilePause(): Promise<string> {
  const source = join(__dirname, "pause", "main.go");
  const path = join(cacheDir(), "bin", `pause-${await contentKey([source], [])}`);
  if (!existsSync(path))
    await exec("go", ["build", "-trimpath", "-ldflags=-s -w", "-o", path, source], { env: { CGO_ENABLED: "0" } });
  return path;
}
