import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { checkHost } from "../../../board/server/host";
import { wholePipeline } from "./pipeline";
import { withBoard } from "./running-board";

const hosts = ["food.example.org", "board.board.svc.cluster.local"];

describe("the host of a request", () => {
  it.each([
    "food.example.org",
    "Food.Example.org:28090",
    "board.board.svc.cluster.local:8090",
    "localhost",
    "localhost:28090",
    "127.0.0.1:8090",
    "10.42.0.7:8090",
    "[::1]:8090",
    "[fd00::7]",
  ])("may be %s", (host) => expect(() => checkHost(host, hosts)).not.toThrow());

  it.each([
    "evil.example.org",
    "food.example.org.evil.example.org",
    "localhost.evil.example.org",
    "localhost:8090:8090",
    "127.0.0.1.evil.example.org:8090",
    "127.0.0.1@evil.example.org",
    "[::1].evil.example.org",
    "",
  ])("may not be %s", (host) =>
    expect(() => checkHost(host, hosts)).toThrow(
      `The board was asked as "${host}", which it does not know: add the host to the setting board.hosts.`,
    ),
  );

  it("must be there", () => expect(() => checkHost(undefined, hosts)).toThrow("The board was asked without a host"));

  it.each([
    ["/", 421],
    ["/api/models", 421],
    ["/api/act", 421],
    ["/healthz", 200],
  ])("of a stranger's name is answered for %s with %i", async (path, status) => {
    await withBoard(wholePipeline, async ({ url }) => {
      const { port } = new URL(url);
      const answered = await new Promise((resolve, reject) => {
        request({ port, path, headers: { host: `evil.example.org:${port}` } }, (answer) =>
          resolve(answer.resume().statusCode),
        )
          .on("error", reject)
          .end();
      });
      expect(answered).toBe(status);
    });
  });
});
