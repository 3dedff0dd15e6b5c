import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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

describe("without Go on PATH", () => {
  const hey = { ...toolGroup("tools"), tools: { hey: "github.com/rakyll/hey" } };
  beforeEach(() => {
    vi.resetModules();
    vi.stubEnv("PATH", cache);
  });
  const load = () => import("../../local/toolchain/go-tools");
  /** A Go that says what it is, and "compiles" an empty program. */
  const installGo = (version: string) =>
    writeFileSync(
      join(cache, "go"),
      `#!/bin/sh
case "$1" in
  env) echo ${version} ;;
  build) while [ "$1" != -o ]; do shift; done; /bin/mkdir -p "$2"; : > "$2/hey" ;;
esac
`,
      { mode: 0o755 },
    );

  it("every tool is missing if none was compiled", async () =>
    expect(await (await load()).missingTools(hey)).toEqual(["hey"]));

  it("the tools are there that the last Go compiled of these sources, and of no others", async () => {
    // Given
    installGo("go1.99.9");
    await (await load()).buildTools(hey);
    rmSync(join(cache, "go"));
    vi.resetModules();
    const { missingTools: missing } = await load();
    // Then
    expect(await missing(hey)).toEqual([]);
    expect(await missing({ ...hey, tags: ["changed"] })).toEqual(["hey"]);
  });

  it("another Go makes them anew", async () => {
    installGo("go1.99.9");
    await (await load()).buildTools(hey);
    installGo("go1.99.10");
    vi.resetModules();
    expect(await (await load()).missingTools(hey)).toEqual(["hey"]);
  });
});

it("a tool without its origin, as an interrupted start may leave it, is missing", async () => {
  install("hey", "compiled of these sources");
  expect(originOf("hey")).toBe("compiled of these sources");
  rmSync(join(cache, "origins"), { recursive: true });
  expect(originOf("hey")).toBeUndefined();
});
