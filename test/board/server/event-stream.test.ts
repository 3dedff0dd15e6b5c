import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventStream, eventText } from "../../../board/server/event-stream";

describe("a stream of events", () => {
  let streams: EventStream[];
  let closed: EventStream[];
  const server = createServer((_request, response) => {
    const stream: EventStream = new EventStream(response, () => closed.push(stream));
    streams.push(stream);
  });
  const sockets: Socket[] = [];

  beforeEach(async () => {
    [streams, closed] = [[], []];
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Opens a stream. @param read whether the page reads it */
  async function open(read: boolean): Promise<EventStream> {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => undefined);
    const answers = new Promise((resolve) => socket.once("readable", resolve));
    socket.write("GET / HTTP/1.1\r\nhost: board\r\n\r\n");
    await answers;
    if (read) socket.resume();
    return streams.at(-1)!;
  }

  it("is dropped if its page does not read, and no other is", async () => {
    const [lazy, busy] = [await open(false), await open(true)];
    const event = eventText("pipeline", "x".repeat(200_000));
    while (closed.length === 0) {
      lazy.send(event);
      busy.send(event);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(closed).toEqual([lazy]);
  });

  it("has room for one event of any size", async () => {
    const stream = await open(true);
    stream.send(eventText("pipeline", "x".repeat(5_000_000)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed.includes(stream)).toBe(false);
  });

  it("has no event that a line break in its data begins", () =>
    expect(eventText("line", "a\r\nevent: end\ndata: b")).toBe("event: line\ndata: a  event: end data: b\n\n"));
});
