import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { startTime } from "../../local/cluster/processes";

/** At the first line its first thread ends, so it is a zombie. Another one holds what is open until the input ends. */
const program = `
import ctypes, sys, threading
print("started", flush=True)
sys.stdin.readline()
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).pthread_exit(None)
`;

it("a process has ended once the last of its threads has: until then it holds its ports", async () => {
  const child = spawn("python3", ["-c", program]);
  await once(child.stdout, "data");
  const began = startTime(child.pid!);
  expect(began).toMatch(/^\d+$/);
  child.stdin.write("\n");
  for (let state = ""; state !== "Z"; ) state = await stateOf(child.pid!);
  expect(startTime(child.pid!)).toBe(began);
  child.stdin.end();
  await once(child, "close");
  expect(startTime(child.pid!)).toBeUndefined();
});

async function stateOf(pid: number): Promise<string> {
  return /\) (\w)/.exec(await readFile(`/proc/${pid}/stat`, "utf8"))![1];
}
