import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../../lib/paths";
import { readWhole } from "../../lib/whole-file";
import { startTime } from "./processes";

/**
 * Makes sure that no other `npm start` or `npm stop` works on the local cluster while this process lives. If the owner
 * of a lock has ended, the lock is taken over.
 * @returns a function that releases the lock
 * @throws if another process holds it
 */
export function takeLock(): () => void {
  mkdirSync(stateDir(), { recursive: true, mode: 0o711 });
  const path = join(stateDir(), "lock");
  const mine = JSON.stringify({ pid: process.pid, startTime: startTime(process.pid) });
  if (existsSync(path)) {
    // A lock that was not written to its end belongs to nobody.
    const owner = readWhole(path) as { pid: number; startTime: string } | null | undefined;
    if (owner && startTime(owner.pid) === owner.startTime) {
      throw new Error(
        `Another npm start or npm stop is running on this local cluster (process ${owner.pid}): wait for it, then ` +
          "run this again. For a local cluster of your own, set GOURMETGRAM_STATE to another directory.",
      );
    }
    rmSync(path);
  }
  try {
    writeFileSync(path, mine, { flag: "wx" });
  } catch {
    throw new Error("Another npm start or npm stop began at the same moment: wait for it, then run this again.");
  }
  return () => rmSync(path, { force: true });
}
