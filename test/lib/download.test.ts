import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Answers, sha256, startHost } from "../local/download-hosts";

const content = Buffer.from("the content");
let folder: string;
let answers: Answers;
let host: { host: string; end: () => Promise<void> };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "gourmetgram-download-"));
  answers = new Answers();
  host = await startHost(answers.listener);
  answers.set(`${host.host}/file`, { body: content });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await host.end();
  rmSync(folder, { recursive: true });
});

/** The module as a process has it whose environment is today's: its proxy is read once. */
async function freshDownload() {
  vi.resetModules();
  return await import("../../lib/download");
}

it("goes through the proxy of the environment, unless NO_PROXY names the host", async () => {
  // Given
  const tunnels: string[] = [];
  const proxy = createServer().on("connect", (request, socket, head) => {
    tunnels.push(request.url!);
    const [name, port] = request.url!.split(":");
    const target = connect(Number(port), name, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on("error", () => socket.destroy());
    socket.on("error", () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    for (const name of ["HTTP_PROXY", "http_proxy"]) vi.stubEnv(name, address);
    for (const name of ["NO_PROXY", "no_proxy"]) vi.stubEnv(name, "");
    // When
    const { download, reachableOrigins } = await freshDownload();
    await download(`http://${host.host}/file`, join(folder, "file"), sha256(content));
    // Then
    expect(tunnels).toEqual([host.host]);
    expect(readFileSync(join(folder, "file"))).toEqual(content);
    expect(await reachableOrigins([`http://${host.host}`])).toEqual(new Set([`http://${host.host}`]));

    // When
    for (const name of ["NO_PROXY", "no_proxy"]) vi.stubEnv(name, "127.0.0.1");
    tunnels.length = 0;
    const direct = await freshDownload();
    await direct.download(`http://${host.host}/file`, join(folder, "direct"), sha256(content));
    // Then
    expect(tunnels).toEqual([]);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

it("replaces a file only by one whose hash is right", async () => {
  const { download } = await freshDownload();
  const path = join(folder, "file");
  await download(`http://${host.host}/file`, path, sha256(content));
  answers.set(`${host.host}/file`, { body: Buffer.from("something else") });
  await expect(download(`http://${host.host}/file`, path, sha256(content))).rejects.toThrow(
    `wrong hash: ${sha256(Buffer.from("something else"))} instead of ${sha256(content)}`,
  );
  expect(readFileSync(path)).toEqual(content);
  expect(readdirSync(folder)).toEqual(["file"]);
});

it("takes no text that is too short, or has another hash", async () => {
  const { downloadText, DownloadError } = await freshDownload();
  const url = `http://${host.host}/file`;
  expect(await downloadText(url)).toBe("the content");
  expect(await downloadText(url, sha256(content))).toBe("the content");
  const other = sha256(Buffer.from("other"));
  await expect(downloadText(url, other)).rejects.toThrow(
    new DownloadError(`wrong hash: ${sha256(content)} instead of ${other}`),
  );
  answers.set(`${host.host}/file`, { body: content, fault: "cuts off" });
  await expect(downloadText(url)).rejects.toThrow(new DownloadError("cut off after 5 of 11 bytes"));
});

it("says what the disk said, not that the download was cut off", async () => {
  const { download } = await freshDownload();
  symlinkSync("/dev/full", join(folder, "file.part"));
  const error = await download(`http://${host.host}/file`, join(folder, "file"), sha256(content)).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ code: "ENOSPC" });
});

it("follows a redirect, as releases on GitHub need it", async () => {
  const redirect = await startHost((_request, response) =>
    response.writeHead(302, { location: `http://${host.host}/file` }).end(),
  );
  const { download } = await freshDownload();
  await download(`http://${redirect.host}/release`, join(folder, "file"), sha256(content));
  expect(readFileSync(join(folder, "file"))).toEqual(content);
  await redirect.end();
});

describe("whether hosts answer", () => {
  /** A host that lets the first requests wait for ever. */
  async function slowHost(unanswered: number) {
    let count = 0;
    const slow = await startHost((_request, response) => {
      if (++count > unanswered) response.end();
    });
    return { origin: `http://${slow.host}`, count: () => count, end: slow.end };
  }

  it("is asked once more of one that was slow the first time, and not of the others", async () => {
    const { reachableOrigins } = await freshDownload();
    const [quick, slow] = [await slowHost(0), await slowHost(1)];
    expect(await reachableOrigins([quick.origin, slow.origin, slow.origin], 200)).toEqual(
      new Set([quick.origin, slow.origin]),
    );
    expect([quick.count(), slow.count()]).toEqual([1, 2]);
    await Promise.all([quick.end(), slow.end()]);
  });

  it("ends after two tries, within four seconds", async () => {
    const { reachableOrigins } = await freshDownload();
    const silent = await slowHost(Infinity);
    const started = Date.now();
    expect(await reachableOrigins([silent.origin])).toEqual(new Set());
    expect(Date.now() - started).toBeLessThan(4_900);
    expect(silent.count()).toBe(2);
    await silent.end();
  });
});
