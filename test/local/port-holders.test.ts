import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { listeningSockets, portHolders } from "../../local/cluster/port-holders";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 42 1
`;

describe("who holds a port", () => {
  it("is known by the sockets that listen", () =>
    expect(listeningSockets(table)).toEqual([
      { port: 8081, inode: "4711" },
      { port: 80, inode: "42" },
    ]));

  it.skipIf(process.platform !== "linux")("is this very process, for a port at which it listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const holder = portHolders([port]).get(port);
    await new Promise((resolve) => server.close(resolve));
    expect(holder).toMatch(new RegExp(`^\\S.*, process ${process.pid}$`));
    expect(portHolders([port]).size).toBe(0);
  });
});
