/** Servers that play download hosts and registries. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a host serves one path. */
export interface Answer {
  body: Buffer;
  type?: string;
  /** `stalls` after the first byte, or `cuts off` the connection halfway. */
  fault?: "stalls" | "cuts off";
}

/** What hosts serve, by host and path: `dl.k8s.io/v1.34.4/kubelet`. Anything else is a 404. */
export class Answers extends Map<string, Answer> {
  /** Each request as it arrived: `GET dl.k8s.io/v1.34.4/kubelet`. */
  readonly requests: string[] = [];

  readonly listener: RequestListener = (request, response) => {
    const key = `${request.headers.host}${request.url}`;
    this.requests.push(`${request.method} ${key}`);
    if (request.url === "/" || request.url === "/v2/") return response.end("{}");
    const answer = this.get(key);
    if (!answer) return response.writeHead(404).end("{}");
    const { body, type = "application/octet-stream", fault } = answer;
    response.writeHead(200, { "content-type": type, "content-length": body.length });
    if (request.method === "HEAD") return response.end();
    if (!fault) return response.end(body);
    const sent = fault === "stalls" ? 1 : body.length / 2;
    return response.write(body.subarray(0, sent), () => {
      if (fault === "cuts off") response.destroy();
    });
  };

  /** Adds an image of one layer to a registry. @returns its digest */
  addImage(host: string, repository: string, tag: string, content: string): string {
    const blob = (body: Buffer, mediaType: string, fault?: Answer["fault"]) => {
      const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
      this.set(`${host}/v2/${repository}/blobs/${digest}`, { body, type: mediaType, fault });
      return { mediaType, digest, size: body.length };
    };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const layer = Buffer.from(content);
    const config = {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [`sha256:${createHash("sha256").update(layer).digest("hex")}`] },
    };
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: blob(Buffer.from(JSON.stringify(config)), "application/vnd.oci.image.config.v1+json"),
        layers: [blob(layer, "application/vnd.oci.image.layer.v1.tar")],
      }),
    );
    const { digest } = blob(body, mediaType);
    for (const reference of [tag, digest])
      this.set(`${host}/v2/${repository}/manifests/${reference}`, { body, type: mediaType });
    return digest;
  }
}

/** Starts a host on a port of 127.0.0.1. @returns its address `127.0.0.1:port`, and what ends it */
export async function startHost(listener: RequestListener): Promise<{ host: string; end: () => Promise<void> }> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    end: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A `.tar.gz` with small programs in place of the real ones. @param programs content by path in the archive */
export function archiveOf(programs: Record<string, string>): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "gourmetgram-archive-"));
  try {
    for (const [path, content] of Object.entries(programs)) {
      execFileSync("mkdir", ["-p", join(folder, "in", path, "..")]);
      writeFileSync(join(folder, "in", path), content);
    }
    execFileSync("tar", ["-czf", join(folder, "archive"), "-C", join(folder, "in"), ...Object.keys(programs)]);
    return readFileSync(join(folder, "archive"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const sha256 = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;
