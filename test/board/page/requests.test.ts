/** What the page makes of the answers of a real server. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { getJson, RequestError } from "../../../board/page/api/requests";

const answers: Record<string, [status: number, length: number, text: string]> = {
  "/whole": [200, 12, '{"models":1}'],
  "/cut": [200, 100, '{"models":'],
  "/page": [200, 6, "<html>"],
  "/refused": [403, 14, '{"error":"no"}'],
  "/away": [502, 6, "<html>"],
};
let server: Server;
beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, length, text] = answers[request.url!];
    response.writeHead(status, { "content-length": length });
    if (text.length === length) response.end(text);
    else response.write(text, () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A browser completes the path.
  const { fetch } = globalThis;
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => fetch(base + path, init));
});
afterAll(() => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  server.close();
});

it("takes a whole answer", async () => expect(await getJson("/whole")).toEqual({ models: 1 }));

it.each(["/cut", "/page"])("takes no answer that did not come whole: %s", async (path) => {
  await expect(getJson(path)).rejects.toThrow(
    new RequestError(0, "The board's answer did not come whole. Reload the page."),
  );
});

it.each([
  ["/refused", new RequestError(403, "no")],
  ["/away", new RequestError(502, "The server answered 502.")],
])("says what went wrong: %s", async (path, error) => {
  await expect(getJson(path)).rejects.toMatchObject({ message: error.message, status: error.status });
});
