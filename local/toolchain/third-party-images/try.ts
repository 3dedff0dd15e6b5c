/**
 * Builds images by themselves, to try them.
 * Usage: npx tsx local/toolchain/third-party-images/try.ts [name ...] [--registry host:port]
 */

import { parseArgs } from "node:util";
import { runMain } from "../../../lib/main";
import { buildLocalImages } from "./build";
import { pushLocalImages } from "./mirror";
import { type LocalImageName, localImageNames } from "./recipes";

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { registry: { type: "string" } } });
  const unknown = positionals.filter((name) => !(localImageNames as string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`There is no image ${unknown.join(", ")}: name some of ${localImageNames.join(", ")}.`);
  const built = await buildLocalImages(
    undefined,
    positionals.length > 0 ? (positionals as LocalImageName[]) : undefined,
  );
  if (values.registry) console.log(JSON.stringify(await pushLocalImages(built, values.registry), null, 2));
  return 0;
}

runMain(main);
