import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { ApiError, isTransient, UnreachableError } from "../../lib/kube-client";
import { closedPort, clusterAt, withApiServer } from "../cli/api-server";

describe("calling the cluster", () => {
  it("says where it can't be reached", async () => {
    const port = await closedPort();
    await expect(clusterAt(`http://127.0.0.1:${port}`).api("/api")).rejects.toThrow(
      new UnreachableError(
        "ECONNREFUSED",
        `can't reach the cluster at 127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port}): ` +
          "run npm start, or check the stack's context",
      ),
    );
  });

  it("hands out what the server answers", async () => {
    await withApiServer({ "GET /api/v1/things": { items: [1] } }, async (cluster) => {
      expect(await cluster.api("/api/v1/things")).toEqual({ items: [1] });
    });
  });

  it("fails with the server's own sentence", async () => {
    await withApiServer(
      { "GET /a": [403, { message: "things is forbidden" }], "GET /b": [502, "<html>"] },
      async (cluster) => {
        await expect(cluster.api("/a")).rejects.toEqual(new ApiError(403, "things is forbidden"));
        await expect(cluster.api("/b")).rejects.toEqual(new ApiError(502, "HTTP 502 for /b"));
      },
    );
  });

  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  it.each([
    ["before its headers", ""],
    ["in its headers", "HTTP/1.1 200 OK\r\nContent-Le"],
    ["after some bytes", 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items"'],
    ["in a chunk", `${chunked}64\r\n{"items"`],
    ["between two chunks", `${chunked}2\r\n{}\r\n`],
    ["with a chunk that has no length", `${chunked}no length\r\n`],
  ])("takes an answer that breaks off %s for one that may come later", async (_, said) => {
    const server = createServer((socket) => socket.once("data", () => socket.end(said)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const error = await clusterAt(`http://127.0.0.1:${port}`)
        .api("/api")
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UnreachableError);
      expect(isTransient(error), String(error)).toBe(true);
    } finally {
      server.close();
    }
  });

  it("sends a body as JSON", async () => {
    await withApiServer({ "POST /things": {} }, async (cluster, calls) => {
      await cluster.api("/things", { method: "POST", body: { a: "ä" } });
      expect(calls[0].body).toEqual({ a: "ä" });
      expect(calls[0].headers["content-type"]).toBe("application/json");
    });
  });

  it("takes any answer of a Service for one", async () => {
    await withApiServer(
      { "GET /api/v1/namespaces/food/services/app:80/proxy/version": [404, { error: "versions.txt not found" }] },
      async (cluster) => {
        expect(await cluster.service("food", "app", 80, "/version")).toEqual({
          status: 404,
          text: '{"error":"versions.txt not found"}',
        });
      },
    );
  });
});

describe("an error that may pass", () => {
  it.each([408, 425, 429, 500, 502, 503, 504])("is an answer %i", (status) =>
    expect(isTransient(new ApiError(status, ""))).toBe(true),
  );
  it.each(["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN"])("is %s", (code) =>
    expect(isTransient(new UnreachableError(code, ""))).toBe(true),
  );
  it.each([
    new ApiError(401, ""),
    new ApiError(404, ""),
    new ApiError(409, ""),
    new ApiError(501, ""),
    new UnreachableError("CERT_HAS_EXPIRED", ""),
    new UnreachableError(undefined, ""),
    new Error("ECONNRESET"),
  ])("is not %s", (error) => expect(isTransient(error)).toBe(false));
});
