import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { cacheDir, repositoryRoot, stateDir } from "../../lib/paths";

afterEach(() => vi.unstubAllEnvs());

it.each([
  ["/big/gourmetgram", "/big/gourmetgram"],
  ["/big/gourmetgram/", "/big/gourmetgram"],
  ["/big//other/../gourmetgram/.", "/big/gourmetgram"],
  ["state", join(repositoryRoot, "state")],
])("a directory is the same for each way to write it (%s)", (written, wanted) => {
  vi.stubEnv("GOURMETGRAM_STATE", written).stubEnv("GOURMETGRAM_CACHE", written);
  expect([stateDir(), cacheDir()]).toEqual([wanted, wanted]);
});
