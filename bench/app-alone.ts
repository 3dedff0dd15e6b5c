import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryRoot } from "../lib/paths";
import { python } from "../local/toolchain/virtual-environment";

/** How `app_alone.py` serves the app: by its own listener, or by waitress alone, as before it had one. */
export type Serving = "today" | "before";

export interface AppAlone {
  /** As in http://127.0.0.1:41234 */
  app: string;
  /** Address of the metrics; only of today's. */
  metrics?: string;
  stop(): Promise<void>;
}

/** Starts the app on this machine, without a cluster. */
export async function startApp(serving: Serving): Promise<AppAlone> {
  const folders = [join("test", "images"), join("images", "app")].map((folder) => join(repositoryRoot, folder));
  const app = spawn(await python(), [join(__dirname, "app_alone.py"), serving], {
    env: { ...process.env, PYTHONPATH: folders.join(delimiter), PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(app, "close");
  const stop = async () => {
    app.stdin.end();
    await ended;
  };
  const first = await createInterface(app.stdout)[Symbol.asyncIterator]().next();
  if (first.done) throw new Error("The app did not start.");
  return { ...JSON.parse(first.value), stop };
}
