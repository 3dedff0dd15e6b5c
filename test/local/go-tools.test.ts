import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readPins } from "../../lib/pins";
import { missingTools, toolGroup } from "../../local/toolchain/go-tools";
import { installTool, originOf } from "../../local/toolchain/installed-tools";
import { hashesPath, officialFiles } from "../../local/toolchain/official-binaries";

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "gourmetgram-tools-"));
  vi.stubEnv("GOURMETGRAM_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

function install(tool: string, origin: string): void {
  const path = join(cache, "made");
  writeFileSync(path, "program");
  installTool(tool, path, origin);
}

it("a tool is there as it was compiled or as it was released, and missing otherwise", async () => {
  // Given an official crane, a kustomize of another release, and no other tool
  const hash = (title: string) => {
    const { url } = officialFiles().find((file) => file.title.startsWith(title))!;
    return readPins(hashesPath)[url].hash;
  };
  install("crane", hash("crane"));
  install("kustomize", hash("crane"));
  // Then
  expect(await missingTools(toolGroup("tools"))).toEqual(["coredns", "hey", "kustomize"]);
});

it("a tool without its origin, as an interrupted start may leave it, is missing", async () => {
  install("hey", "compiled of these sources");
  expect(originOf("hey")).toBe("compiled of these sources");
  rmSync(join(cache, "origins"), { recursive: true });
  expect(originOf("hey")).toBeUndefined();
});
