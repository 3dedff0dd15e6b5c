import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Repository } from "../../../cli/backups/registry";

export const digestOf = (content: string | Buffer): string =>
  `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** What a registry has of `gourmetgram-app`, by digest. */
export class Content {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  /** Each call as it arrived. */
  readonly calls: string[] = [];
  /** Digest of a blob whose transfer ends halfway. */
  breaksOff?: string;

  /** Adds an image. @returns its digest */
  addImage(...layers: string[]): string {
    const [config, ...rest] = ["{}", ...layers].map((text) => {
      const content = Buffer.from(text);
      this.blobs.set(digestOf(content), content);
      return { mediaType: "x", digest: digestOf(content), size: content.length };
    });
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: rest }));
    this.manifests.set(digestOf(manifest), manifest);
    return digestOf(manifest);
  }
}

export const mediaType = "application/vnd.oci.image.manifest.v1+json";

/** Runs `use` against a registry on 127.0.0.1. It refuses a blob of another digest, or a manifest without its blobs. */
export async function withRegistry<T>(content: Content, use: (repository: Repository) => Promise<T>): Promise<T> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url!, "http://registry");
    const [kind, name] = url.pathname.replace("/v2/gourmetgram-app/", "").split("/");
    content.calls.push(`${request.method} ${kind}/${name.slice(0, 14)}`);
    const answer = (status: number, text?: Buffer, headers = {}) =>
      response.writeHead(status, { connection: "close", ...headers }).end(text);
    if (kind === "blobs" && name === "uploads") {
      if (request.method === "POST")
        return answer(202, undefined, { location: "/v2/gourmetgram-app/blobs/uploads/1?state=x" });
      const digest = url.searchParams.get("digest")!;
      if (digestOf(body) !== digest || url.searchParams.get("state") !== "x") return answer(400);
      content.blobs.set(digest, body);
      return answer(201);
    }
    if (kind === "manifests" && request.method === "PUT") {
      const { config, layers } = JSON.parse(body.toString()) as Record<string, any>;
      const isWhole = [config, ...layers].every(({ digest }) => content.blobs.has(digest));
      if (!isWhole || digestOf(body) !== name || request.headers["content-type"] !== mediaType) return answer(400);
      content.manifests.set(name, body);
      return answer(201);
    }
    const found = kind === "blobs" ? content.blobs.get(name) : content.manifests.get(name);
    if (!found) return answer(404, Buffer.from("{}"));
    if (content.breaksOff === name) {
      response.writeHead(200, { "content-length": found.length });
      return response.write(found.subarray(0, 3), () => response.destroy());
    }
    return answer(200, request.method === "HEAD" ? undefined : found, { "content-type": mediaType });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await use(new Repository(url, "gourmetgram-app", "kubectl"));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
