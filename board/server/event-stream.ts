import type { ServerResponse } from "node:http";

/** Bytes that wait for a page which does not read. With more, its stream is dropped: it connects again by itself. */
const backlogBar = 1_000_000;
/** Time between two signs of life, in ms. */
const heartbeat = 15_000;

/** A stream of server-sent events to one page. */
export class EventStream {
  private readonly timer: NodeJS.Timeout;

  /** @param closed called once, when either side has closed the stream */
  constructor(
    private readonly response: ServerResponse,
    closed: () => void,
  ) {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    response.flushHeaders();
    this.timer = setInterval(() => this.write(": \n\n"), heartbeat);
    response.once("close", () => {
      clearInterval(this.timer);
      closed();
    });
  }

  /** @param event as `eventText` makes it */
  send(event: string | Buffer): void {
    this.write(event);
  }

  end(): void {
    this.response.end();
  }

  private write(text: string | Buffer): void {
    if (this.response.writableLength > backlogBar) this.response.destroy();
    else this.response.write(text);
  }
}

/** An event with one line as its data. A lone carriage return would end the line too. */
export const eventText = (name: string, data: string): string =>
  `event: ${name}\ndata: ${data.replace(/[\r\n]/g, " ")}\n\n`;
