import { delimiter, dirname, join } from "node:path";
import { schema } from "../config/schema";
import { goTool } from "../image-builder/go-tool";
import { exec } from "../lib/exec";
import { type History, pipelinePython, startFilledMlflow } from "./filled-mlflow";
import { RegistryServer } from "./registry-server";
import { type Servers, withServers } from "./servers";
import { fewAndMany, fewAndManyHead, namesOver } from "./statistics";

/** A version a day, which is released five times: of as many days as are kept and some more, and of many. */
const historyOf = (versions: number): History => ({ versions, releases: 5 * versions, minutes: 24 * 60 });
const sizes = { few: 40, many: 200 } as const;
export const registryHead = fewAndManyHead(`${sizes.few} VERSIONS`, `${sizes.many} VERSIONS`);

/** How many times as large the registry with many may be after a collection. */
export const registryBar = 1.5;
const barred = "size after collection, in MiB";

/** The row of {@link registryGrowth} that is over {@link registryBar}, by name. */
export const overRegistryBar = (rows: readonly string[][]): string[] =>
  namesOver(
    registryBar,
    rows.filter(([name]) => name === barred),
  );

/** What was measured of a registry. Sizes are in MiB. */
export interface Collected {
  before: number;
  after: number;
  /** How many versions keep their image. */
  kept: number;
  /** Of the pipeline's collection, of the registry's own, and of the pipeline's next one. */
  seconds: { collection: number; freeing: number; next: number };
}

/**
 * The size of a registry before and after a collection: with as many versions as are kept and some more, and with many.
 * Each registry is a process of its own, and the MLflow beside it has the same versions.
 */
export async function registryGrowth(): Promise<string[][]> {
  const few = await withServers((servers) => measure(servers, sizes.few));
  const many = await withServers((servers) => measure(servers, sizes.many));
  return registryRows(few, many);
}

/** @throws if not as many versions are kept of few as of many, since the sizes say nothing then */
export function registryRows(few: Collected, many: Collected): string[][] {
  if (few.kept !== many.kept)
    throw new Error(
      `${few.kept} versions are kept of few, and ${many.kept} of many: choose the few so that as many are kept.`,
    );
  return [
    fewAndMany("size before, in MiB", few.before, many.before),
    fewAndMany(barred, few.after, many.after),
    fewAndMany("versions kept", few.kept, many.kept),
    fewAndMany("seconds of the collection", few.seconds.collection, many.seconds.collection),
    fewAndMany("seconds in which the registry frees the space", few.seconds.freeing, many.seconds.freeing),
    fewAndMany("seconds of the next collection", few.seconds.next, many.seconds.next),
  ];
}

async function measure(servers: Servers, versions: number): Promise<Collected> {
  const { url, python } = await startFilledMlflow(servers, "mlflow", historyOf(versions));
  const registry = servers.add(await RegistryServer.start(join(servers.folder, "registry")));
  const repository = `${registry.address}/gourmetgram-app`;
  const path = [dirname(await goTool("crane")), process.env.PATH].join(delimiter);
  const run = (command: string, ...numbers: number[]) =>
    exec(python, [join(__dirname, "registry.py"), command, repository, ...numbers.map(String)], {
      env: { ...pipelinePython, MLFLOW_TRACKING_URI: url, PATH: path },
    });
  await run("fill", versions);
  const before = await size(registry.data);
  const { days, versions: passed } = schema.shape.pipeline.parse(undefined).retention;
  const collect = async () => JSON.parse(await run("collect", days, passed)) as { seconds: number; kept: number };
  const { seconds: collection, kept } = await collect();
  const begun = performance.now();
  await registry.restart();
  const freeing = (performance.now() - begun) / 1000;
  const after = await size(registry.data);
  const { seconds: next } = await collect();
  return { before, after, kept, seconds: { collection, freeing, next } };
}

/** What a folder takes of its volume, in MiB. */
const size = async (folder: string) => Number((await exec("du", ["-sk", folder])).split("\t")[0]) / 1024;
