import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What a manifest or an index says of a piece of content. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  readonly size: number;
}

/** A manifest of an image, as its registry has it. */
export interface ImageManifest {
  readonly mediaType: string;
  readonly content: Buffer;
}

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** One repository of a registry, over plain HTTP. Nothing that it sends is trusted before its hash is right. */
export class Repository {
  /**
   * @param registry `http://host:port`
   * @param kubectl how a person calls `kubectl` for the registry's cluster
   */
  constructor(
    private readonly registry: string,
    private readonly name: string,
    private readonly kubectl: string,
  ) {}

  /** The manifest of an image; undefined if the registry has lost it. @throws if it is another one */
  async manifest(digest: string): Promise<ImageManifest | undefined> {
    const answer = await this.call("GET", `manifests/${digest}`, { accept: manifestTypes });
    const content = await read(answer);
    if (answer.statusCode === 404) return undefined;
    this.require(answer, 200, content);
    const found = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    if (found !== digest)
      throw new Error(`the registry sent ${found} instead of the manifest ${digest}: run the command again`);
    return { mediaType: answer.headers["content-type"]!, content };
  }

  /** What a tag names, as text; undefined if the registry has no such tag. */
  async tagged(tag: string): Promise<string | undefined> {
    const answer = await this.call("GET", `manifests/${tag}`, { accept: "application/vnd.oci.image.index.v1+json" });
    const content = await read(answer);
    if (answer.statusCode === 404) return undefined;
    this.require(answer, 200, content);
    return content.toString();
  }

  /** A small blob; undefined if the registry has lost it. @throws if it is another one */
  async blob(digest: string): Promise<Buffer | undefined> {
    const answer = await this.call("GET", `blobs/${digest}`);
    const content = await read(answer);
    if (answer.statusCode === 404) return undefined;
    this.require(answer, 200, content);
    if (`sha256:${createHash("sha256").update(content).digest("hex")}` !== digest)
      throw new Error(`the blob ${digest} of the registry has another content than its digest: run the command again`);
    return content;
  }

  /** Fetches a blob to a file, which exists only when it is whole. @throws if it is cut off, or another one */
  async fetchBlob({ digest, size }: Descriptor, path: string): Promise<void> {
    const answer = await this.call("GET", `blobs/${digest}`);
    if (answer.statusCode !== 200) this.require(answer, 200, await read(answer));
    const unfinished = `${path}.unfinished`;
    const hash = createHash("sha256");
    let bytes = 0;
    answer.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    const failure = await pipeline(answer, createWriteStream(unfinished, { mode: 0o600 })).catch((error) => error);
    const isWhole = !failure && bytes === size && `sha256:${hash.digest("hex")}` === digest;
    if (isWhole) return rename(unfinished, path);
    await rm(unfinished, { force: true });
    if (failure && failure.code !== "ECONNRESET") throw failure;
    const what = bytes < size ? `was cut off after ${bytes} of ${size} bytes` : "has another content than its digest";
    throw new Error(`the blob ${digest} of the registry ${what}: run the command again`);
  }

  async hasBlob(digest: string): Promise<boolean> {
    const answer = await this.call("HEAD", `blobs/${digest}`);
    this.require(answer, [200, 404], await read(answer));
    return answer.statusCode === 200;
  }

  async pushBlob({ digest, size }: Descriptor, path: string): Promise<void> {
    const begun = await this.call("POST", "blobs/uploads/", { "content-length": "0" });
    this.require(begun, 202, await read(begun));
    const place = new URL(begun.headers.location!, this.registry);
    place.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
    const ended = await this.send("PUT", place, headers, createReadStream(path));
    this.require(ended, 201, await read(ended));
  }

  /** Pushes a manifest by its digest. The registry must have what it names. */
  async pushManifest({ mediaType, digest }: Descriptor, content: Buffer): Promise<void> {
    const headers = { "content-type": mediaType, "content-length": String(content.length) };
    const answer = await this.call("PUT", `manifests/${digest}`, headers, content);
    this.require(answer, 201, await read(answer));
  }

  private call(method: string, path: string, headers = {}, body?: Buffer): Promise<IncomingMessage> {
    return this.send(method, new URL(`/v2/${this.name}/${path}`, this.registry), headers, body);
  }

  private send(
    method: string,
    url: URL,
    headers: Record<string, string>,
    body?: Buffer | Readable,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(new Error(`the registry does not answer (${error.message}): ${this.remedy}`));
      const call = request(url, { method, headers, timeout: 60_000 }, resolve);
      call.on("timeout", () => call.destroy(new Error("nothing for 60 s")));
      call.on("error", fail);
      if (body instanceof Buffer || body === undefined) call.end(body);
      else pipeline(body, call).catch(fail);
    });
  }

  private get remedy(): string {
    const log = `${this.kubectl} logs --namespace kube-system deployment/registry`;
    return `see its log with ${log}, then run the command again`;
  }

  private require(answer: IncomingMessage, expected: number | number[], content: Buffer): void {
    if ([expected].flat().includes(answer.statusCode!)) return;
    throw new Error(`the registry answered ${answer.statusCode} (${content.toString().slice(0, 200)}): ${this.remedy}`);
  }
}

async function read(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
