import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { KubeClient } from "../../local/plugins/kube-client";

let server: Server;
const waiting: ServerResponse[] = [];

afterEach(() => {
  waiting.length = 0;
  server.closeAllConnections();
  server.close();
});

async function client(answer: (path: string, response: ServerResponse) => void): Promise<KubeClient> {
  server = createServer((request, response) => answer(request.url!, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new KubeClient({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    context: "test",
    namespace: "default",
    insecure: false,
  });
}

/** Waits until so many requests have come, and gives one more the time to come that must not. */
async function arrived(count: number): Promise<void> {
  await expect.poll(() => waiting.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  await new Promise((resolve) => setTimeout(resolve, 100));
}

it("asks a small API server sixteen things at once, and no more", async () => {
  const each = await client((_, response) => waiting.push(response));
  const answers = [...Array(40).keys()].map((number) => each.request("GET", `/api/v1/namespaces/${number}`));
  await arrived(16);
  expect(waiting).toHaveLength(16);
  for (let answered = 0; answered < 40; ) {
    await arrived(answered + 1);
    for (; answered < waiting.length; answered++) waiting[answered].end("{}");
  }
  expect(await Promise.all(answers)).toHaveLength(40);
});

it("still gets an answer while many objects are watched", async () => {
  const each = await client((path, response) => {
    if (path.includes("watch=true")) waiting.push(response.writeHead(200));
    else response.end('{"kind": "List"}');
  });
  const ended = new AbortController();
  const watches = [...Array(20)].map(() =>
    each.follow("/api/v1/pods", {}, ended.signal, () => undefined).catch((error: Error) => error.message),
  );
  await arrived(20);
  for (const response of waiting) response.flushHeaders();
  expect(waiting).toHaveLength(20);
  expect(await each.request("GET", "/version")).toEqual({ kind: "List" });
  ended.abort(new Error("enough"));
  expect(new Set(await Promise.all(watches))).toEqual(new Set(["enough"]));
});
