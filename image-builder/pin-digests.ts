import { relative } from "node:path";
import { digestsPath } from "../images/digests";
import { reachableOrigins } from "../lib/download";
import { repositoryRoot } from "../lib/paths";
import { type Pin, type Pins, readPins, today, writePins } from "../lib/pins";
import { craneOnline, registryOrigin } from "./crane";

/** An upstream image, by its repository and tag. */
export interface Tagged {
  repository: string;
  tag: string;
}

/** What became of the table. */
export interface PinOutcome {
  pins: Pins;
  /** One line for each image. */
  lines: string[];
  /** How many images could not be looked up. */
  failures: number;
}

/**
 * Looks images up in their registries: a digest that the registry still has stays, also if its tag has moved on.
 * Otherwise the table gets that of the tag. What cannot be looked up stays as it is.
 * @param pins the table as it is
 * @param answerMilliseconds that a registry has to answer at all, twice; default 2 s
 */
export async function pinDigests(
  images: readonly Tagged[],
  pins: Pins,
  answerMilliseconds?: number,
): Promise<PinOutcome> {
  const origins = images.map(({ repository }) => registryOrigin(repository));
  const reachable = await reachableOrigins(origins, answerMilliseconds);
  const results = await Promise.all(
    images.map(async ({ repository, tag }) => {
      const key = `${repository}:${tag}`;
      const known = pins[key];
      try {
        if (!reachable.has(registryOrigin(repository))) throw new Error("its registry does not answer");
        const { digest, line } = await lookUp(repository, tag, known?.hash);
        const source = digest === known?.hash ? known.source : "its registry";
        return { key, pin: { hash: digest, source, checked: today() } satisfies Pin, line: `${key}: ${line}` };
      } catch (error) {
        const state = known ? "its digest stays as it is, unchecked" : "it has no digest yet";
        return { key, line: `! ${key}: ${(error as Error).message}: ${state}` };
      }
    }),
  );
  const found = results.flatMap(({ key, pin }) => (pin ? [[key, pin] as const] : []));
  return {
    pins: { ...pins, ...Object.fromEntries(found) },
    lines: results.map(({ line }) => line),
    failures: results.length - found.length,
  };
}

async function lookUp(repository: string, tag: string, known?: string): Promise<{ digest: string; line: string }> {
  const ofTag = await digestOf(`${repository}:${tag}`);
  if (!known) return { digest: ofTag, line: `${ofTag}, as its registry says` };
  if (known === ofTag) return { digest: known, line: "checked" };
  const isThere = await digestOf(`${repository}@${known}`).then(
    () => true,
    (error: Error) => {
      if (/MANIFEST_UNKNOWN|NOT_FOUND|404/.test(error.message)) return false;
      throw error;
    },
  );
  if (isThere) return { digest: known, line: `checked; its tag has moved on to ${ofTag}` };
  return { digest: ofTag, line: `${ofTag} replaces ${known}, which its registry does not have` };
}

const digestOf = async (reference: string) => (await craneOnline(["digest", reference], 30)).trim();

/**
 * Looks up the images that the table lacks, and writes what it finds into the table.
 * @returns one line for each of them
 */
export async function pinUnknownDigests(
  images: readonly Tagged[],
  path = digestsPath,
  answerMilliseconds?: number,
): Promise<string[]> {
  const pins = readPins(path);
  const unknown = images.filter(({ repository, tag }) => !pins[`${repository}:${tag}`]);
  if (unknown.length === 0) return [];
  const outcome = await pinDigests(unknown, pins, answerMilliseconds);
  if (outcome.failures === unknown.length) return outcome.lines;
  writePins(path, outcome.pins);
  return [
    ...outcome.lines,
    `Written to ${relative(repositoryRoot, path)}: commit it, so that the next start runs the same.`,
  ];
}
