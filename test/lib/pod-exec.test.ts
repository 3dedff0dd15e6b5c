import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { expect, it } from "vitest";
import { runInPod, type Streams } from "../../lib/pod-exec";
import { clusterAt } from "../cli/api-server";

/** One message of the server, as WebSocket frames it: the number of a stream, then its content. */
function frame(channel: number, content: string | Buffer): Buffer {
  const payload = Buffer.concat([Buffer.of(channel), Buffer.from(content)]);
  const header = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 6);
  return Buffer.concat([header, payload]);
}
const succeeded = frame(3, JSON.stringify({ status: "Success" }));
const failed = frame(3, JSON.stringify({ status: "Failure", message: "command terminated with exit code 1" }));

/** Runs a command against an API server that upgrades the connection, and then does as `answer` says. */
async function run(answer: (socket: Socket, url: URL) => void, streams: Streams = {}): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((_request, response) => response.writeHead(403).end());
  server.on("upgrade", (request, socket: Socket) => {
    sockets.push(socket);
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accepted = createHash("sha1").update(key).digest("base64");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Protocol: v4.channel.k8s.io\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`,
    );
    // Left open until the client ends it.
    socket.on("error", () => socket.destroy());
    answer(socket, new URL(request.url!, "http://api"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cluster = clusterAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const container = { namespace: "platform", pod: "mlflow-1", container: "mlflow" };
    return await runInPod(cluster, container, ["python3", "-c", "print('é & ü')"], streams);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

it("runs a command as it is, and gives what it printed on both streams", async () => {
  const output = new PassThrough();
  let asked: URL | undefined;
  const errors = await run(
    (socket, url) => {
      asked = url;
      socket.write(Buffer.concat([frame(1, "one"), frame(2, "a warning\n"), frame(1, " two"), succeeded]));
    },
    { output },
  );
  expect(errors).toBe("a warning\n");
  expect(output.end().read().toString()).toBe("one two");
  expect(asked!.pathname).toBe("/api/v1/namespaces/platform/pods/mlflow-1/exec");
  expect(asked!.searchParams.getAll("command")).toEqual(["python3", "-c", "print('é & ü')"]);
  expect(asked!.searchParams.get("container")).toBe("mlflow");
});

it("gives all of a long output to somebody slow", async () => {
  let taken = 0;
  const output = new Writable({
    highWaterMark: 1,
    write: (chunk, _encoding, done) => {
      taken += chunk.length;
      setImmediate(done);
    },
  });
  const chunk = Buffer.alloc(100_000);
  await run(
    (socket) => {
      for (let count = 0; count < 50; count++) socket.write(frame(1, chunk));
      socket.write(succeeded);
    },
    { output },
  );
  await new Promise((resolve) => output.end(resolve));
  expect(taken).toBe(50 * chunk.length);
});

it("sends what the command reads", async () => {
  const sent = async function* () {
    yield Buffer.alloc(70_000, 1);
    yield Buffer.alloc(30_000, 2);
  };
  let arrived = 0;
  await run(
    (socket, url) => {
      expect(url.searchParams.get("stdin")).toBe("true");
      socket.on("data", (data) => {
        arrived += data.length;
        if (arrived > 100_000) socket.write(succeeded);
      });
    },
    { input: sent() },
  );
  expect(arrived).toBeGreaterThan(100_000);
});

it("fails with the last line that a command printed, or with what the API server says of it", async () => {
  await expect(
    run((socket) => socket.write(Buffer.concat([frame(2, "a warning\nno room\n"), failed]))),
  ).rejects.toThrow(new Error("no room"));
  await expect(run((socket) => socket.write(failed))).rejects.toThrow("command terminated with exit code 1");
});

it("fails if the connection breaks off, whatever has come until then", async () => {
  const output = new PassThrough();
  await expect(run((socket) => socket.end(frame(1, "half")), { output })).rejects.toThrow(
    new Error("the connection to the pod mlflow-1 broke off: try again"),
  );
});

it("fails if nobody takes the output any more", async () => {
  const output = new PassThrough();
  await expect(run(() => output.destroy(), { output })).rejects.toThrow("broke off");
});
