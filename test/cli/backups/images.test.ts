import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pushImages, saveImages } from "../../../cli/backups/images";
import { Content, digestOf, mediaType, withRegistry } from "./registry-server";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gourmetgram-images-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const quiet = () => undefined;
const save = (content: Content, ...digests: string[]) =>
  withRegistry(content, (repository) =>
    saveImages(repository, new Map(digests.map((digest, index) => [digest, `1.0.${index + 1}`])), folder, quiet),
  );
const push = (content: Content, free?: number) =>
  withRegistry(content, (repository) => pushImages(repository, folder, quiet, free));
const blobPath = (digest: string) => join(folder, "images/blobs/sha256", digest.slice(7));

/** A registry with two images on the same base. */
function twoImages(): { content: Content; digests: string[] } {
  const content = new Content();
  return { content, digests: [content.addImage("base", "model one"), content.addImage("base", "model two")] };
}

describe("the images of a backup", () => {
  it("are an OCI layout, each file listed with its hash, and what images share is fetched once", async () => {
    const { content, digests } = twoImages();
    const { files, lost } = await save(content, ...digests);
    expect(lost).toEqual([]);
    for (const { path, bytes, sha256 } of files) {
      const text = readFileSync(join(folder, path));
      expect([text.length, digestOf(text)]).toEqual([bytes, `sha256:${sha256}`]);
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o600);
    }
    const blobs = readdirSync(join(folder, "images/blobs/sha256"));
    expect(files.map(({ path }) => path).sort()).toEqual(
      ["images/index.json", "images/oci-layout", ...blobs.map((name) => `images/blobs/sha256/${name}`)].sort(),
    );
    expect(blobs).toHaveLength(6); // two manifests, one configuration, three layers
    expect(JSON.parse(readFileSync(join(folder, "images/index.json"), "utf8")).manifests).toEqual(
      digests.map((digest, index) => ({
        mediaType,
        digest,
        size: content.manifests.get(digest)!.length,
        annotations: { "org.opencontainers.image.ref.name": `1.0.${index + 1}` },
      })),
    );
  });

  it("lack what the registry has lost, and say so", async () => {
    const { content, digests } = twoImages();
    content.manifests.delete(digests[0]);
    expect((await save(content, ...digests)).lost).toEqual([digests[0]]);
  });

  it("are refused if a blob is cut off; the next run fetches that one alone", async () => {
    const { content, digests } = twoImages();
    content.breaksOff = digestOf("model two");
    await expect(save(content, ...digests)).rejects.toThrow(
      new Error(`the blob ${content.breaksOff} of the registry was cut off after 3 of 9 bytes: run the command again`),
    );
    expect(readdirSync(join(folder, "images/blobs/sha256")).filter((name) => name.includes("unfinished"))).toEqual([]);
    content.breaksOff = undefined;
    content.calls.length = 0;
    await save(content, ...digests);
    expect(content.calls.filter((call) => call.startsWith("GET blobs"))).toEqual([
      `GET blobs/${digestOf("model two").slice(0, 14)}`,
    ]);
  });

  it.each(["model Two", "model two and more"])("are refused if a blob is another one: %s", async (other) => {
    const { content, digests } = twoImages();
    content.blobs.set(digestOf("model two"), Buffer.from(other));
    await expect(save(content, ...digests)).rejects.toThrow(
      `the blob ${digestOf("model two")} of the registry has another content than its digest: run the command again`,
    );
  });

  it("are refused if a manifest is another one", async () => {
    const { content, digests } = twoImages();
    content.manifests.set(digests[0], Buffer.from("{}"));
    await expect(save(content, ...digests)).rejects.toThrow(
      `the registry sent ${digestOf("{}")} instead of the manifest ${digests[0]}: run the command again`,
    );
  });

  it("are fetched anew where a file of an interrupted run is another one", async () => {
    const { content, digests } = twoImages();
    await save(content, ...digests);
    writeFileSync(blobPath(digestOf("base")), "Base");
    await save(content, ...digests);
    expect(readFileSync(blobPath(digestOf("base")), "utf8")).toBe("base");
  });
});

describe("images that are pushed back", () => {
  it("have the same digests in an empty registry", async () => {
    const { content, digests } = twoImages();
    await save(content, ...digests);
    const target = new Content();
    expect(await push(target)).toEqual({ images: 2, pushed: 2 });
    expect([...target.manifests.keys()].sort()).toEqual([...digests].sort());
    expect([...target.blobs.keys()].sort()).toEqual([...content.blobs.keys()].sort());
  });

  it("are not sent again if the registry has them", async () => {
    const { content, digests } = twoImages();
    await save(content, ...digests);
    const target = new Content();
    target.addImage("base", "model one");
    expect(await push(target)).toEqual({ images: 2, pushed: 1 });
    expect(target.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });

  it("are refused if the registry has no room, before anything is sent", async () => {
    const { content, digests } = twoImages();
    await save(content, ...digests);
    const target = new Content();
    await expect(push(target, 10)).rejects.toThrow(
      "the registry's volume has 0 MiB free, and the images need 1 MiB: " +
        "run npm run collect to make room. If that is not enough: give it more space with registry.storage if",
    );
    expect(target.calls.filter((call) => !call.startsWith("HEAD"))).toEqual([]);
  });

  it("fail with the registry's answer", async () => {
    const { content, digests } = twoImages();
    await save(content, ...digests);
    writeFileSync(blobPath(digestOf("base")), "Base");
    await expect(push(new Content())).rejects.toThrow(/^the registry answered 400 .*see its log with kubectl logs/);
  });
});
