import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { baseKey, debianSources, machineSources, unreachableMirror } from "../../image-builder/base";

const mirror = "http://mirror.example.org/debian";
const key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

const ofUbuntu = "http://archive.example.org/ubuntu noble main Ubuntu\n";
const ofDebian = "http://mirror.example.org/debian trixie main Debian\n";

describe("sources of the images' Debian release", () => {
  it("are those that the machine has of it, as they are", () =>
    expect(
      debianSources(
        "http://mirror.example.org/debian bookworm main Debian\n" +
          "http://mirror.example.org/debian bookworm main Debian\n" +
          "http://security.example.org bookworm-security main Debian\n" +
          "http://other.example.org/packages stable main Other\n",
        "http://unused.example.org/debian",
      ),
    ).toBe(
      "deb http://mirror.example.org/debian bookworm main\ndeb http://security.example.org bookworm-security main\n",
    ));

  it("are the mirrors of another Debian, which have every release", () =>
    expect(
      debianSources(
        "http://mirror.example.org/debian trixie main Debian\n" +
          "http://mirror.example.org/debian trixie-updates main Debian\n" +
          "http://mirror.example.org/debian trixie-backports main Debian\n" +
          "http://security.example.org trixie-security main Debian\n",
        "http://unused.example.org/debian",
      ),
    ).toBe(
      `deb ${key} http://mirror.example.org/debian bookworm main\n` +
        `deb ${key} http://mirror.example.org/debian bookworm-updates main\n` +
        `deb ${key} http://security.example.org bookworm-security main\n`,
    ));

  it.each([ofUbuntu, ""])("are of the mirror elsewhere: %j", (targets) =>
    expect(debianSources(targets, mirror)).toBe(
      `deb ${key} ${mirror} bookworm main\n` +
        `deb ${key} ${mirror} bookworm-updates main\n` +
        `deb ${key} ${mirror}-security bookworm-security main\n`,
    ),
  );
});

describe("the mirror that is used where apt has no source of Debian", () => {
  let folder: string;
  let server: Server;
  let url: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "debian-sources-"));
    // apt of Ubuntu, and a machine without Docker and without a root file system in its cache.
    writeFileSync(join(folder, "apt-get"), `#!/bin/sh\nprintf '${ofUbuntu}'\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
    vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache"));
    vi.stubEnv("GOURMETGRAM_IMAGE_BASE", "local");
    vi.stubEnv("no_proxy", "127.0.0.1");
    server = createServer((request, response) => {
      response.statusCode = request.url === "/debian/dists/bookworm/InRelease" ? 200 : 404;
      response.end("Suite: oldstable\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
    await new Promise((resolve) => server.close(resolve));
  });

  it("is Debian's own", async () => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", "");
    const own = ["https://deb", "debian", "org/debian"].join(".");
    expect(await machineSources()).toContain(`deb ${key} ${own} bookworm main\n`);
  });

  it("may be named", async () => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", mirror);
    expect(await machineSources()).toContain(`deb ${key} ${mirror} bookworm main\n`);
  });

  it("is no obstacle if it has the release", async () => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", `${url}/debian`);
    expect(await unreachableMirror()).toBeUndefined();
  });

  it("is one if it does not have it", async () => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", `${url}/ubuntu`);
    expect(await unreachableMirror()).toBe(`${url}/ubuntu`);
  });

  it.each([
    ["apt has sources of Debian", () => writeFileSync(join(folder, "apt-get"), `#!/bin/sh\nprintf '${ofDebian}'\n`)],
    ["Docker has the base", () => vi.stubEnv("GOURMETGRAM_IMAGE_BASE", "published")],
  ])("is not asked where %s", async (_what, change) => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", `${url}/ubuntu`);
    change();
    expect(await unreachableMirror()).toBeUndefined();
  });

  it("is not asked once the root file system is in the cache", async () => {
    vi.stubEnv("GOURMETGRAM_DEBIAN_MIRROR", `${url}/ubuntu`);
    const layout = join(folder, "cache", "images", `base-${await baseKey()}`);
    mkdirSync(layout, { recursive: true });
    writeFileSync(join(layout, "index.json"), JSON.stringify({ manifests: [{ digest: "sha256:0" }] }));
    expect(await unreachableMirror()).toBeUndefined();
  });
});
