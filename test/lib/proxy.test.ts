import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { loopbackWithoutProxy, withoutProxy } from "../../lib/proxy";

it("sets nothing without a proxy", () => expect(loopbackWithoutProxy({ NO_PROXY: "a.example.org" })).toEqual({}));

it.each(["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])(
  "adds this machine itself to those without the proxy of %s",
  (name) =>
    expect(loopbackWithoutProxy({ [name]: "http://proxy.example.org:3128", NO_PROXY: "a.example.org, ::1" })).toEqual({
      no_proxy: "a.example.org,::1,localhost,127.0.0.1",
      NO_PROXY: "a.example.org,::1,localhost,127.0.0.1",
    }),
);

it("leaves nothing of a proxy to what runs without the outside", () =>
  expect(withoutProxy({ HTTP_PROXY: "a", https_proxy: "b", NO_PROXY: "c", PATH: "/bin" })).toEqual({ PATH: "/bin" }));

it("keeps gRPC, which Pulumi's programs speak, from asking a proxy for a port of this machine", async () => {
  const asked: string[] = [];
  const proxy = createServer((socket) => socket.once("data", (data) => asked.push(String(data)) && socket.destroy()));
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as { port: number };
  const code = `const { Client, credentials } = require("@grpc/grpc-js");
    new Client("127.0.0.1:1", credentials.createInsecure()).waitForReady(Date.now() + 1000, () => process.exit())`;
  const connect = async (variables: Record<string, string>) => {
    const env = { PATH: process.env.PATH, ...variables };
    await once(spawn(process.execPath, ["-e", code], { env, stdio: "ignore" }), "exit");
    return asked.splice(0).length > 0;
  };
  const variables = { http_proxy: `http://127.0.0.1:${port}` };
  try {
    expect(await connect(variables)).toBe(true);
    expect(await connect({ ...variables, ...loopbackWithoutProxy(variables) })).toBe(false);
  } finally {
    proxy.close();
  }
});
