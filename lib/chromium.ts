import { type Browser, chromium } from "playwright-core";

/** Path of the browser: `GOURMETGRAM_CHROMIUM`, or where Debian's package `chromium` puts it. */
export const chromiumPath = (): string => process.env.GOURMETGRAM_CHROMIUM ?? "/usr/bin/chromium";

/** Starts the browser, for pages of this project alone: inside a container Chromium has no sandbox of its own. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox"] });
