/**
 * Downloads over HTTPS. `HTTPS_PROXY` and `NO_PROXY` are honoured, and the certificates of `NODE_EXTRA_CA_CERTS` are
 * trusted, as in every program of Node.js.
 */
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
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
  const [algorithm, wanted] = hash.split(":");
  const digest = createHash(algorithm);
  mkdirSync(dirname(path), { recursive: true });
  try {
    await withinLimit(limit, async (signal, onBytes) => {
      const response = await get(url, signal);
      let received = 0;
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          received += chunk.length;
          onBytes(chunk.length);
          digest.update(chunk);
          done(null, chunk);
        },
      });
      const length = Number(response.headers.get("content-length") ?? Number.NaN);
      await pipeline(Readable.fromWeb(response.body!), meter, createWriteStream(part), { signal }).catch((error) => {
        throw isFromDisk(error) ? error : new DownloadError(cutOff(received, length));
      });
      if (length >= 0 && received !== length) throw new DownloadError(cutOff(received, length));
    });
    const found = digest.digest("hex");
    if (found !== wanted) throw new DownloadError(`wrong hash: ${algorithm}:${found} instead of ${hash}`);
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
}

/** A small text, such as the checksums of a release. @throws DownloadError */
export function downloadText(url: string): Promise<string> {
  return withinLimit({ ...slowest, bytes: 1 }, async (signal) => (await get(url, signal)).text());
}

/**
 * Those of the hosts that answer, whatever they answer. All are asked at once.
 * @param origins e.g. `https://dl.k8s.io`
 * @param milliseconds that a host has
 */
export async function reachableOrigins(origins: Iterable<string>, milliseconds = 2_000): Promise<Set<string>> {
  const controller = new AbortController();
  // Node.js 20 may collect an `AbortSignal.timeout` during the wait, so this is a timer.
  const timer = setTimeout(() => controller.abort(), milliseconds);
  try {
    const asked = [...new Set(origins)].map((origin) =>
      request(origin, { method: "HEAD", redirect: "manual", signal: controller.signal }).then(
        () => [origin],
        () => [],
      ),
    );
    return new Set((await Promise.all(asked)).flat());
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

/** Whether the error is of the file that is written, as on a full disk, and not of the network. */
const isFromDisk = (error: NodeJS.ErrnoException) => ["write", "open"].includes(error.syscall ?? "");

/** undici says `fetch failed`, and the reason in its cause. */
function reason(error: Error): string {
  return error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message;
}
