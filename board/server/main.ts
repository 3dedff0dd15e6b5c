import { runMain } from "../../lib/main";
import { Board } from "./board";
import { thisPod } from "./in-cluster";
import { readSettings } from "./settings";

async function main(): Promise<number> {
  const { port, ...settings } = readSettings(process.env);
  const board = new Board({ cluster: thisPod(), ...settings });
  board.server.listen(port);
  // A pod that is told to end has no right of way: each page connects again by itself, to the next pod.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
  await new Promise((_, reject) => board.server.once("error", reject));
  return 1;
}

if (require.main === module) runMain(main);
