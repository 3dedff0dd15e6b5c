import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { contentKey, listFiles } from "../../image-builder/content-key";
import { layerImage } from "../../image-builder/layout";
import { mlflowVersion } from "../../images/mlflow-version";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { pytest, python } from "../python";

let folder: string;
// The first call on a machine installs the packages.
beforeAll(python, 300_000);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gourmetgram-test-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  return rm(folder, { recursive: true });
});

describe("the app and the training's pictures", () => {
  // `npm run test:load` runs those under load, which take minutes and measure memory and waiting.
  const marked = process.env.GOURMETGRAM_LOAD === "yes" ? "load" : "not load";
  it(`pass their own tests: ${marked}`, async () => {
    const output = await pytest(__dirname, "-m", marked);
    expect(output).toMatch(/\d+ passed/);
    console.log(output.trim().split("\n").pop());
  }, 400_000);

  it("serve as one process that says when it listens and ends when told to", async () => {
    const server = spawn(await python(), ["-B", join(repositoryRoot, "images/app/server.py")], {
      cwd: folder,
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "18731",
        METRICS_PORT: "18732",
        DRAIN_SECONDS: "0",
        PYTHONUNBUFFERED: "1",
      },
    });
    try {
      await listening(server);
      const reply = await fetch("http://127.0.0.1:18731/healthz");
      expect([reply.status, await reply.json()]).toEqual([200, { status: "ok" }]);
    } finally {
      server.kill("SIGTERM");
      await new Promise((resolve) => server.once("close", resolve));
    }
  });
});

describe("the content key", () => {
  it("changes with a name, an executable bit, a byte or a text, and with nothing else", async () => {
    const file = join(folder, "file");
    const key = (...texts: string[]) => contentKey([folder], texts);
    await writeFile(file, "one");
    const first = await key("a");
    await utimes(file, 0, 0);
    await mkdir(join(folder, "__pycache__"));
    await writeFile(join(folder, "__pycache__", "file.pyc"), "");
    expect(await key("a")).toBe(first);
    expect(await key("b")).not.toBe(first);
    await chmod(file, 0o755);
    const executable = await key("a");
    expect(executable).not.toBe(first);
    await writeFile(file, "two");
    expect(await key("a")).not.toBe(executable);
  });
});

describe("an image of one layer", () => {
  it("is the same for the same files, stands on its base, and is made once", async () => {
    vi.stubEnv("GOURMETGRAM_CACHE", folder);
    await writeFile(join(folder, "file"), "one", { mode: 0o755 });
    const files = { "bin/file": join(folder, "file") };
    const base = await layerImage({ name: "base", key: "k", files, config: { Env: ["A=1"], User: "1" } });
    const again = await layerImage({ name: "again", key: "k", files, config: { Env: ["A=1"], User: "1" } });
    expect((await layerImage({ name: "base", key: "k", files })).fresh).toBe(false);

    const top = await layerImage({
      name: "top",
      key: "k",
      base,
      files: { etc: join(folder, "file") },
      config: { User: "2" },
    });
    const blob = async (digest: string) => readFile(join(top.layout, "blobs/sha256", digest.replace("sha256:", "")));
    const manifest = JSON.parse((await blob(top.digest)).toString());
    expect(manifest.layers).toHaveLength(2);
    const config = JSON.parse((await blob(manifest.config.digest)).toString());
    expect(config.config).toEqual({ Env: ["A=1"], User: "2" });
    expect(config.rootfs.diff_ids).toEqual(manifest.layers.map(({ digest }: { digest: string }) => digest));
    const [layer] = JSON.parse(
      (await readFile(join(again.layout, "blobs/sha256", again.digest.slice(7)))).toString(),
    ).layers;
    expect(layer.digest).toBe(manifest.layers[0].digest);
    const listed = await exec("tar", ["-tvf", join(again.layout, "blobs/sha256", layer.digest.slice(7))]);
    expect(listed).toMatch(/-rwxr-xr-x 0\/0 .* \.\/bin\/file/);
    expect((await stat(join(top.layout, "oci-layout"))).size).toBeGreaterThan(0);
  });
});

describe("the cache", () => {
  it("keeps the last image of each name", async () => {
    vi.stubEnv("GOURMETGRAM_CACHE", folder);
    for (const [name, key] of [
      ["app", "0"],
      ["app-x", "1"],
      ["app", "2"],
    ])
      await layerImage({ name, key: key.repeat(16), files: {} });
    expect((await readdir(join(folder, "images"))).sort()).toEqual(["app-2222222222222222", "app-x-1111111111111111"]);
  });
});

describe("the folders of the images", () => {
  it("pin one version of MLflow for the server and every client", async () => {
    for (const path of ["images/train/requirements.txt", "local/toolchain/third-party-images/mlflow/requirements.txt"])
      expect(await readFile(join(repositoryRoot, path), "utf8")).toMatch(
        new RegExp(`^mlflow-skinny==${mlflowVersion}( |$)`, "m"),
      );
  });

  it("name every outside image by digest, and run as a user that is not root", async () => {
    const files = (await listFiles(join(repositoryRoot, "images"))).filter((path) => path.endsWith("Dockerfile"));
    expect(files).toHaveLength(5);
    for (const path of files) {
      const text = await readFile(join(repositoryRoot, "images", path), "utf8");
      const outside = [...text.matchAll(/(?:^FROM |^ARG BASE=)(\S+\/\S+)/gm)].map(([, reference]) => reference);
      expect(outside.length, path).toBeGreaterThan(0);
      for (const reference of outside) expect(reference, path).toMatch(/@sha256:[0-9a-f]{64}$/);
      if (!path.includes("binaries")) expect(text, path).toMatch(/^USER 65532:65532$/m);
    }
  });
});

/** Until the server says on its output that it listens; fails if it ends first. */
function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    server.stdout!.on("data", (chunk) => String(chunk).includes("listening on") && resolve());
    server.once("close", (code) => reject(new Error(`the app ended with ${code}`)));
  });
}
