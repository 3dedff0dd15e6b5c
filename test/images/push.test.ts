import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { layerImage } from "../../image-builder/layout";
import { explainPush, pushImage } from "../../image-builder/push";

const folder = mkdtempSync(join(tmpdir(), "push-"));
const file = join(folder, "file");
writeFileSync(file, "content");
const pushed = layerImage({ name: "pushed", key: "0".repeat(64), files: { file } });
afterAll(async () => {
  rmSync(folder, { recursive: true });
  rmSync((await pushed).layout, { recursive: true });
});

/** What a person is told of a push to a registry that answers every upload like this. */
async function told(status: number, message: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "GET" && request.url === "/v2/") response.end("{}");
    else if (request.method !== "POST") response.writeHead(404).end();
    else response.writeHead(status).end(JSON.stringify({ errors: [{ code: "UNKNOWN", message }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const image = await pushed;
  try {
    await pushImage(image, `127.0.0.1:${port}/gourmetgram-app:base`, true);
    return "pushed";
  } catch (error) {
    return (explainPush(error) as Error).message;
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a push that fails", () => {
  it.each([
    "filesystem: mkdir /var/lib/registry/docker: no space left on device",
    "unknown error: map[DriverName:filesystem Enclosed:map[Err:28 Op:write Path:/var/lib/registry]]",
  ])("says which volume is full, and what makes room: %s", async (message) =>
    expect(await told(500, message)).toBe(
      "The volume of the registry is full: run npm run collect to make room; if it stays full, npm run status says " +
        "what else helps.",
    ),
  );

  it("else says what crane said", async () =>
    expect(await told(403, "not allowed here")).toMatch(
      /crane push .*failed with exit code 1:\n[\s\S]*not allowed here/,
    ));
});
