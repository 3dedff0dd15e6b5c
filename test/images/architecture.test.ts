import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  architectureProblem,
  type BuildFacts,
  machineArchitecture,
  platformsOf,
  refuseUnbuildable,
} from "../../image-builder/architecture";
import { buildDockerfile } from "../../image-builder/dockerfile";
import { layerImage } from "../../image-builder/layout";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";

describe("the architecture of this machine", () => {
  it.each([
    ["x64", "amd64"],
    ["arm64", "arm64"],
    ["ppc64", "ppc64"],
  ])("is %s for Node.js and %s for Kubernetes", (name, expected) => expect(machineArchitecture(name)).toBe(expected));
});

describe("an image for another architecture", () => {
  const problem = (facts: Partial<BuildFacts>) =>
    architectureProblem({ architecture: "arm64", machine: "amd64", base: "published", emulated: false, ...facts });

  it.each([
    ["the architecture is the machine's", { architecture: "amd64", base: "local" as const }],
    ["the architecture is the machine's, whatever it is", { architecture: "s390x", machine: "s390x" }],
    ["Docker runs its programs", { dockerPlatforms: ["linux/amd64", "linux/arm64"] }],
    ["Docker runs a variant of it alone", { dockerPlatforms: ["linux/amd64", "linux/arm64/v8"] }],
    ["buildah builds, and Linux runs its programs", { emulated: true }],
  ])("can be built where %s", (_title, facts) => expect(problem(facts)).toBeUndefined());

  it.each([
    [
      "Docker does not run its programs",
      { dockerPlatforms: ["linux/amd64", "linux/arm/v7"], emulated: true },
      "Docker does not run programs for arm64 here: run docker run --privileged --rm tonistiigi/binfmt --install arm64",
    ],
    ["Linux does not run its programs", {}, "this machine does not run programs for arm64: install qemu-user-static"],
    [
      "the base is made here",
      { base: "local" as const, emulated: true },
      "the base image that this machine makes is for amd64: set GOURMETGRAM_IMAGE_BASE=published",
    ],
  ])("cannot be built where %s", (_title, facts, expected) => expect(problem(facts)).toBe(expected));
});

it("the platforms of a builder are those that docker buildx inspect lists, for every node of it", () =>
  expect(
    platformsOf(`Name:          desktop
Driver:        docker-container

Nodes:
Name:                  desktop0
Endpoint:              unix:///var/run/docker.sock
Status:                running
BuildKit version:      v0.24.0
Platforms:             linux/amd64*, linux/amd64/v2, linux/386
Name:                  desktop1
Platforms:             linux/arm64
`),
  ).toEqual(["linux/amd64", "linux/amd64/v2", "linux/386", "linux/arm64"]));

describe("a build by Docker for another architecture, with a stand-in for docker that builds nothing", () => {
  const other = machineArchitecture() === "arm64" ? "amd64" : "arm64";
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "architecture-"));
    vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache"));
    vi.stubEnv("GOURMETGRAM_IMAGE_BASE", "published");
    vi.stubEnv("PATH", `${folder}:/usr/bin:/bin`);
    vi.stubEnv("STAND_IN", folder);
    mkdirSync(join(folder, "context"));
    writeFileSync(join(folder, "context", "Dockerfile"), "FROM scratch\n");
    writeFileSync(
      join(folder, "docker"),
      `#!/bin/sh
echo "$1 $2 $3" >>"$STAND_IN/calls"
case "$1" in
buildx) echo "Platforms: linux/amd64, linux/$EMULATED" ;;
save) cp "$STAND_IN/saved.tar" "$3" ;;
esac
`,
      { mode: 0o755 },
    );
    const { layout } = await layerImage({ name: "saved", key: "saved", files: { file: join(folder, "docker") } });
    await exec("tar", ["-C", layout, "-cf", join(folder, "saved.tar"), "."]);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  const build = async (architecture?: string) => {
    await buildDockerfile(
      { name: "tried", context: join(folder, "context"), base: "published", architecture },
      () => {},
    );
    return readFileSync(join(folder, "calls"), "utf8")
      .split("\n")
      .filter((call) => call.startsWith("build "));
  };

  it("names the platform, and is another build than that for this machine", async () => {
    expect(await build()).toEqual(["build --provenance=false --tag"]);
    expect(await build(machineArchitecture())).toHaveLength(1);
    expect((await build(other)).slice(1)).toEqual([`build --provenance=false --platform=linux/${other}`]);
  });

  it("is refused before it begins where Docker does not run its programs", async () => {
    vi.stubEnv("EMULATED", "386");
    const architecture = machineArchitecture() === "amd64" ? "arm64" : "riscv64";
    await expect(refuseUnbuildable(architecture)).rejects.toThrow(
      /cannot build images for .*: .*\. Nothing was built\./,
    );
    vi.stubEnv("EMULATED", other);
    await refuseUnbuildable(other);
  });
});

it("a push to the nodes of a cluster takes no architecture", async () => {
  const pushed = exec(process.execPath, ["--require", "tsx/cjs", "cli/images.ts", "push", "--architecture", "arm64"], {
    cwd: repositoryRoot,
  });
  await expect(pushed).rejects.toThrow("--architecture is for build and for --registry");
});
