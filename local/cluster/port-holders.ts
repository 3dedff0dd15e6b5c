import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Ports that somebody listens at, with the inodes of the sockets: a file of the kernel, as `/proc/net/tcp`. */
export function listeningSockets(text: string): { port: number; inode: string }[] {
  const rows = text.trim().split("\n").slice(1);
  return rows.flatMap((row) => {
    const [, local, , state, , , , , , inode] = row.trim().split(/\s+/);
    // 0A: LISTEN.
    return state === "0A" ? [{ port: Number.parseInt(local.split(":").at(-1)!, 16), inode }] : [];
  });
}

/** The program that listens at each of these ports, as in `nginx, process 812`, as far as this user may see it. */
export function portHolders(ports: readonly number[]): ReadonlyMap<number, string> {
  const files = ["/proc/net/tcp", "/proc/net/tcp6"].filter(existsSync);
  const wanted = files
    .flatMap((file) => listeningSockets(readFileSync(file, "utf8")))
    .filter(({ port }) => ports.includes(port));
  if (wanted.length === 0) return new Map();
  const portOf = new Map(wanted.map(({ port, inode }) => [`socket:[${inode}]`, port]));
  const holders = new Map<number, string>();
  for (const process of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    for (const port of socketsOf(process).flatMap((socket) => portOf.get(socket) ?? []))
      holders.set(port, `${nameOf(process)}, process ${process}`);
  return holders;
}

/** What a process has open; nothing of one that has ended, or that is another user's. */
function socketsOf(process: string): string[] {
  try {
    return readdirSync(`/proc/${process}/fd`).flatMap((file) =>
      orNothing(() => readlinkSync(`/proc/${process}/fd/${file}`)),
    );
  } catch {
    return [];
  }
}

const nameOf = (process: string): string =>
  orNothing(() => readFileSync(`/proc/${process}/comm`, "utf8").trim())[0] ?? "a program";

function orNothing<T>(read: () => T): T[] {
  try {
    return [read()];
  } catch {
    return [];
  }
}
