import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { OidcProvider } from "../../board/api";
import { buildPage } from "../../board/build";
import { launchChromium } from "../../lib/chromium";
import type { SceneName } from "./scenes";
import { makeServer } from "./server";

/** The views that are looked at, by a name for their pictures: each scene with its addresses. */
export const looks: readonly { readonly name: string; readonly scene: SceneName; readonly hash: string }[] = [
  { name: "pipeline", scene: "usual", hash: "#/pipeline" },
  { name: "placeholder", scene: "usual", hash: "#/pipeline?from=argoCd" },
  { name: "models", scene: "usual", hash: "#/models" },
  { name: "model", scene: "usual", hash: "#/models/1.0.24?against=production" },
  { name: "history", scene: "usual", hash: "#/history" },
  { name: "frozen", scene: "frozen", hash: "#/pipeline" },
  { name: "empty", scene: "empty", hash: "#/pipeline" },
  { name: "empty-models", scene: "empty", hash: "#/models" },
  { name: "empty-history", scene: "empty", hash: "#/history" },
  { name: "loading", scene: "loading", hash: "#/pipeline" },
  { name: "loading-models", scene: "loading", hash: "#/models" },
  { name: "loading-history", scene: "loading", hash: "#/history" },
  { name: "failing", scene: "failing", hash: "#/pipeline" },
  { name: "failing-models", scene: "failing", hash: "#/models" },
  { name: "failing-history", scene: "failing", hash: "#/history" },
  { name: "large", scene: "large", hash: "#/pipeline" },
  { name: "large-models", scene: "large", hash: "#/models" },
  { name: "large-history", scene: "large", hash: "#/history" },
];

export interface Boards {
  readonly browser: Browser;
  /** Serves a scene with data of its own. @param port 0 for any @param provider where people sign in */
  readonly serve: (scene: SceneName, port?: number, provider?: OidcProvider) => Promise<Board>;
}

export interface Board {
  readonly address: string;
  readonly port: number;
  /** Ends the server and every connection to it. */
  readonly stop: () => void;
}

async function serveBoard(scene: SceneName, folder: string, port: number, provider?: OidcProvider): Promise<Board> {
  const server = makeServer(scene, folder, provider).listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: chosen } = server.address() as AddressInfo;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${chosen}/`, port: chosen, stop };
}

/** Builds the page and starts a browser, for as long as `use` takes. What it has served then ends too. */
export async function withBoards<T>(use: (boards: Boards) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "board-page-"));
  await buildPage(folder, false);
  const browser = await launchChromium();
  const boards: Board[] = [];
  const serve = async (scene: SceneName, port = 0, provider?: OidcProvider) => {
    const board = await serveBoard(scene, folder, port, provider);
    boards.push(board);
    return board;
  };
  try {
    return await use({ browser, serve });
  } finally {
    await browser.close();
    for (const { stop } of boards) stop();
    await rm(folder, { recursive: true });
  }
}
