import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage } from "../../board/build";
import { runMain } from "../../lib/main";
import { type SceneName, sceneNames } from "./scenes";
import { makeServer } from "./server";

const usage = `Usage: npm run board:dev [-- ${sceneNames.join(" | ")}]

Serves the board's page with made-up data at http://127.0.0.1:8095, and builds it again whenever a file changes.`;

async function main(): Promise<number> {
  const [scene = "usual"] = process.argv.slice(2);
  if (!sceneNames.includes(scene as SceneName)) {
    console.log(usage);
    return scene === "--help" ? 0 : 1;
  }
  const folder = await mkdtemp(join(tmpdir(), "board-page-"));
  await buildPage(folder, true);
  const server = makeServer(scene as SceneName, folder).listen(8095, "127.0.0.1");
  console.log("http://127.0.0.1:8095");
  await new Promise((resolve) => server.once("close", resolve));
  return 0;
}

if (require.main === module) runMain(main);
