import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runMain } from "../../lib/main";
import { looks, withBoards } from "./browser";

const usage = `Usage: npm run board:screenshots -- <folder> [name ...]

Takes a picture of each view of the board, or of those named, in light and dark, as wide as a desk and a phone.`;

const widths = { wide: 1280, phone: 360 };

async function main(): Promise<number> {
  const [folder, ...names] = process.argv.slice(2);
  if (!folder || folder === "--help") {
    console.log(usage);
    return folder ? 0 : 1;
  }
  await mkdir(folder, { recursive: true });
  await withBoards(async ({ browser, serve }) => {
    for (const { name, scene, hash } of looks.filter((look) => names.length === 0 || names.includes(look.name))) {
      const { address } = await serve(scene);
      for (const colorScheme of ["light", "dark"] as const)
        for (const [size, width] of Object.entries(widths)) {
          const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
          page.on("console", (message) => {
            if (message.type() === "error") console.error(`${name}: ${message.text()}`);
          });
          page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
          await page.goto(address + hash);
          await page.locator("main h1, main .state-loading").first().waitFor({ state: "attached" });
          if (scene !== "loading") await page.locator(".state-loading").first().waitFor({ state: "detached" });
          await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
          await page.close();
        }
    }
  });
  return 0;
}

if (require.main === module) runMain(main);
