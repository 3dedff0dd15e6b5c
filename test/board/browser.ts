import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { buildPage } from "./build-page";
import type { SceneName } from "./scenes";
import { makeServer } from "./server";

/** Path of the browser: `GOURMETGRAM_CHROMIUM`, or where Debian's package `chromium` puts it. */
const chromiumPath = process.env.GOURMETGRAM_CHROMIUM ?? "/usr/bin/chromium";

/** The views that are looked at, by a name for their pictures: each scene with its addresses. */
export const looks: readonly { readonly name: string; readonly scene: SceneName; readonly hash: string }[] = [
  { name: "pipeline", scene: "usual", hash: "#/pipeline" },
  { name: "models", scene: "usual", hash: "#/models" },
  { name: "model", scene: "usual", hash: "#/models/1.0.24?against=production" },
  { name: "history", scene: "usual", hash: "#/history" },
  { name: "frozen", scene: "frozen", hash: "#/pipeline" },
  { name: "empty", scene: "empty", hash: "#/pipeline" },
  { name: "empty-models", scene: "empty", hash: "#/models" },
  { name: "empty-history", scene: "empty", hash: "#/history" },
  { name: "large", scene: "large", hash: "#/pipeline" },
  { name: "large-models", scene: "large", hash: "#/models" },
  { name: "large-history", scene: "large", hash: "#/history" },
];

export interface Boards {
  readonly browser: Browser;
  readonly address: (scene: SceneName) => string;
}

/** Builds the page, serves it with each scene, and starts a browser, for as long as `use` takes. */
export async function withBoards<T>(use: (boards: Boards) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "board-page-"));
  await buildPage(folder, false);
  const scenes = [...new Set(looks.map(({ scene }) => scene))];
  const servers = await Promise.all(
    scenes.map(async (scene) => {
      const server = makeServer(scene, folder).listen(0, "127.0.0.1");
      await once(server, "listening");
      return { scene, server };
    }),
  );
  const address = (wanted: SceneName) => {
    const { server } = servers.find(({ scene }) => scene === wanted)!;
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  // Inside a container Chromium has no sandbox of its own; it opens pages of this repository alone.
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
  try {
    return await use({ browser, address });
  } finally {
    await browser.close();
    for (const { server } of servers) {
      server.closeAllConnections();
      server.close();
    }
    await rm(folder, { recursive: true });
  }
}
