/**
 * Downloads over HTTPS. `HTTPS_PROXY` and `NO_PROXY` are honoured, and the certificates of `NODE_EXTRA_CA_CERTS` are
 * trusted, as in every program of Node.js.
 */
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { EnvHttpProxyAgent, fetch, type RequestInit, type Response } from "undici";

/** How slow a download may be. */
export interface SpeedLimit {
  /** Time between two looks, in milliseconds. */
  interval: number;
  /** Bytes that must have come since the last look. */
  bytes: number;
}

/** 0.1 MB a second: at this rate Kubernetes takes longer to download than to compile. */
const slowest: SpeedLimit = { interval: 10_000, bytes: 1_000_000 };

/** A download that failed. The message says why, without the URL: `HTTP 404`. */
export class DownloadError extends Error {
  constructor(
    message: string,
    /** Whether the next file of the same host would fail too. */
    readonly isHostAway = false,
  ) {
    super(message);
  }
}

/**
 * Downloads a file, which takes its name only when its length and its hash are right.
 * @param hash `sha256:` or `sha512:` with the hex digits that the file must have
 * @throws DownloadError
 */
export async function download(url: string, path: string, hash: string, limit = slowest): Promise<void> {
  const part = `${path}.part`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    await withinLimit(limit, async (signal, onBytes) => {
      const content = whole(await get(url, signal), hash, onBytes);
      await pipeline(content, createWriteStream(part), { signal });
    });
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
}

/**
 * A small text, such as the checksums of a release.
 * @param hash what the text must have; without one, only its length is checked
 * @throws DownloadError
 */
export function downloadText(url: string, hash?: string): Promise<string> {
  return withinLimit({ ...slowest, bytes: 1 }, async (signal, onBytes) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of whole(await get(url, signal), hash, onBytes)) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  });
}

/** The content of an answer. @throws DownloadError at its end, if its length or its hash is another */
async function* whole(response: Response, hash: string | undefined, onBytes: (count: number) => void) {
  const [algorithm, wanted] = (hash ?? "sha256:").split(":");
  const digest = createHash(algorithm);
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  let received = 0;
  try {
    for await (const chunk of response.body!) {
      received += chunk.length;
      onBytes(chunk.length);
      digest.update(chunk);
      yield chunk as Uint8Array;
    }
  } catch {
    throw new DownloadError(cutOff(received, length));
  }
  if (length >= 0 && received !== length) throw new DownloadError(cutOff(received, length));
  const found = digest.digest("hex");
  if (wanted && found !== wanted) throw new DownloadError(`wrong hash: ${algorithm}:${found} instead of ${hash}`);
}

/**
 * Those of the hosts that answer, whatever they answer. All are asked at once. Those that do not answer are asked once
 * more: a slow machine may need longer for its first look-up of names and its first connections.
 * @param origins e.g. `https://dl.k8s.io`
 * @param milliseconds that a host has each time
 */
export async function reachableOrigins(origins: Iterable<string>, milliseconds = 2_000): Promise<Set<string>> {
  const all = [...new Set(origins)];
  const atOnce = await answering(all, milliseconds);
  const others = all.filter((origin) => !atOnce.includes(origin));
  return new Set([...atOnce, ...(await answering(others, milliseconds))]);
}

async function answering(origins: readonly string[], milliseconds: number): Promise<string[]> {
  const controller = new AbortController();
  // Node.js 20 may collect an `AbortSignal.timeout` during the wait, so this is a timer.
  const timer = setTimeout(() => controller.abort(), milliseconds);
  try {
    const asked = origins.map((origin) =>
      request(origin, { method: "HEAD", redirect: "manual", signal: controller.signal }).then(
        () => [origin],
        () => [],
      ),
    );
    return (await Promise.all(asked)).flat();
  } finally {
    clearTimeout(timer);
  }
}

let agent: EnvHttpProxyAgent | undefined;

function request(url: string, init: RequestInit): Promise<Response> {
  agent ??= new EnvHttpProxyAgent();
  return fetch(url, { ...init, dispatcher: agent });
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  // A host that compresses on the way would change the bytes that the hash is of.
  const response = await request(url, { signal, headers: { "accept-encoding": "identity" } }).catch((error) => {
    throw new DownloadError(`unreachable: ${reason(error)}`, true);
  });
  if (response.status === 200) return response;
  await response.body?.cancel();
  throw new DownloadError(`HTTP ${response.status}`);
}

/** Runs `use` as long as enough bytes come, also before the first of them. */
async function withinLimit<T>(
  { interval, bytes }: SpeedLimit,
  use: (signal: AbortSignal, onBytes: (count: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let sinceLastLook = 0;
  const timer = setInterval(() => {
    if (sinceLastLook < bytes) controller.abort();
    sinceLastLook = 0;
  }, interval);
  try {
    return await use(controller.signal, (count) => {
      sinceLastLook += count;
    });
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    throw new DownloadError(`too slow: less than ${bytes} bytes in ${interval / 1000} s`, true);
  } finally {
    clearInterval(timer);
  }
}

function cutOff(received: number, length: number): string {
  return `cut off after ${received}${length >= 0 ? ` of ${length}` : ""} bytes`;
}

/** undici says `fetch failed`, and the reason in its cause. */
function reason(error: Error): string {
  return error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message;
}
