import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Servers of a benchmark on this machine. */
export interface Servers {
  /** What they keep goes with them. */
  readonly folder: string;
  /** Has a server stop when the benchmark ends. */
  add<Server extends { stop(): Promise<void> }>(server: Server): Server;
}

/** Runs what needs servers. They end with it, and so does the folder in which they keep their data. */
export async function withServers<Result>(run: (servers: Servers) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-bench-"));
  const started: { stop(): Promise<void> }[] = [];
  try {
    return await run({
      folder,
      add(server) {
        started.push(server);
        return server;
      },
    });
  } finally {
    for (const server of started) await server.stop();
    await rm(folder, { recursive: true });
  }
}
