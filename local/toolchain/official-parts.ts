/** What the local cluster downloads in place of compiling and building it. */

import { registryOrigin } from "../../image-builder/crane";
import { pinUnknownDigests } from "../../image-builder/pin-digests";
import type { CatalogueImage } from "../../images/catalogue";
import { digestsPath, pinnedDigest } from "../../images/digests";
import { DownloadError, reachableOrigins, type SpeedLimit } from "../../lib/download";
import { type Pins, readPins } from "../../lib/pins";
import { missingTools, objectStoreTools, type ToolGroup, toolGroups } from "./go-tools";
import { hashesPath, installOfficial, type OfficialFile, officialFiles } from "./official-binaries";
import { pulledImages, pullImage } from "./third-party-images/official-images";
import { isNeeded, type LocalImageName, neededLocalImages, officialImage } from "./third-party-images/recipes";

/** What is to be downloaded. */
export interface OfficialParts {
  files: OfficialFile[];
  /** The table of the files' hashes. */
  hashes: Pins;
  images: { name: string; image: CatalogueImage }[];
  /** Table that the digests of images without one are written to. */
  digestsPath: string;
  /** Default: those of `lib/download.ts`, and ten minutes for an image. */
  limits?: { answerMilliseconds?: number; file?: SpeedLimit; imageSeconds?: number };
}

/** What became of the parts. */
export interface OfficialOutcome {
  /** One line for each part: from where it is, or why it is compiled or built here. */
  lines: string[];
  /** How many were downloaded. */
  count: number;
}

/** How many of the parts came, for the line of a phase that has ended. */
export const downloadedText = (count: number, total: number): string =>
  count === 0 ? `looked for, and none of ${total} could be downloaded` : `${count} of ${total} downloaded`;

/** The groups of tools that a local cluster with these images needs. */
export const neededToolGroups = (names: readonly LocalImageName[]): ToolGroup[] => [
  ...toolGroups,
  ...(names.includes("versitygw") ? [objectStoreTools] : []),
];

/** The groups with the tools that are still to be compiled. Images that have been pulled need none. */
export async function toolsToCompile(
  names: readonly LocalImageName[],
): Promise<{ group: ToolGroup; tools: string[] }[]> {
  const pulled = await pulledImages();
  const groups = neededToolGroups(names).map(async (group) => ({
    group,
    tools: (await missingTools(group)).filter((tool) => isNeeded(tool, pulled)),
  }));
  return (await Promise.all(groups)).filter(({ tools }) => tools.length > 0);
}

/** The official parts that the cache lacks. @param names images of the stack; default those that every stack has */
export async function wantedParts(names: readonly LocalImageName[] = neededLocalImages([])): Promise<OfficialParts> {
  const pulled = await pulledImages();
  const missing = new Set((await toolsToCompile(names)).flatMap(({ tools }) => tools));
  return {
    files: officialFiles().filter(({ tools }) => Object.keys(tools).some((tool) => missing.has(tool))),
    hashes: readPins(hashesPath),
    images: names.filter((name) => !pulled.has(name)).map((name) => ({ name, image: officialImage(name) })),
    digestsPath,
  };
}

/**
 * Downloads what can be had. The hosts are asked at once whether they answer; a machine without internet loses four
 * seconds. What cannot be had is left to be compiled or built.
 * @param progress gets what is downloaded at this moment
 */
export async function fetchOfficialParts(
  parts: OfficialParts,
  progress: (doing: string) => void,
): Promise<OfficialOutcome> {
  const files = parts.files.map((file) => ({ title: file.title, origin: new URL(file.url).origin, file }));
  const images = parts.images.map(({ name, image }) => ({
    title: `image ${name}`,
    origin: registryOrigin(image.repository),
    name,
    image,
  }));
  const { answerMilliseconds, file: fileLimit, imageSeconds } = parts.limits ?? {};
  const reachable = await reachableOrigins(
    [...files, ...images].map(({ origin }) => origin),
    answerMilliseconds,
  );
  if (reachable.size === 0)
    return { lines: ["No download host answers: what the cache lacks is compiled and built here."], count: 0 };

  const ofFiles = await byOrigin(files, reachable, "compiled", async ({ file, origin }) => {
    const hash = parts.hashes[file.url]?.hash;
    if (!hash) throw new Error("no hash is known; npm run toolchain -- pin looks it up");
    progress(file.title);
    await installOfficial(file, hash, fileLimit);
    return `downloaded from ${hostOf(origin)}`;
  });

  const atHand = images.filter(({ origin }) => reachable.has(origin)).map(({ image }) => image);
  const pinLines = await pinUnknownDigests(atHand, parts.digestsPath, answerMilliseconds);
  const ofImages = await byOrigin(images, reachable, "built", async ({ name, image, origin }) => {
    const digest = pinnedDigest(image.repository, image.tag, parts.digestsPath);
    if (!digest) throw new Error("no digest is known; npm run images -- pin looks it up");
    progress(name);
    await pullImage(name, image, digest, imageSeconds);
    return `pulled from ${hostOf(origin)}`;
  });
  return {
    lines: [...ofFiles.lines, ...pinLines, ...ofImages.lines],
    count: ofFiles.count + ofImages.count,
  };
}

interface Part {
  title: string;
  origin: string;
}

/** Takes the parts of each host one after another, and the hosts at once. A host that no longer answers is given up. */
async function byOrigin<T extends Part>(
  parts: T[],
  reachable: ReadonlySet<string>,
  otherwise: "compiled" | "built",
  take: (part: T) => Promise<string>,
): Promise<OfficialOutcome> {
  const lines = new Map<T, string>();
  let count = 0;
  const away = new Set(parts.map(({ origin }) => origin).filter((origin) => !reachable.has(origin)));
  const takeAll = async (origin: string) => {
    for (const part of parts.filter((candidate) => candidate.origin === origin)) {
      const { title } = part;
      try {
        if (away.has(origin)) throw new Error(`${hostOf(origin)} does not answer`);
        lines.set(part, `  ${title}: ${await take(part)}`);
        count++;
      } catch (error) {
        if (error instanceof DownloadError && error.isHostAway) away.add(origin);
        lines.set(part, `! ${title}: ${oneLine((error as Error).message)}; ${otherwise} instead`);
      }
    }
  };
  await Promise.all([...new Set(parts.map(({ origin }) => origin))].map(takeAll));
  return { lines: parts.map((part) => lines.get(part)!), count };
}

const hostOf = (origin: string) => new URL(origin).host;
const oneLine = (text: string) => text.replace(/\s*\n\s*/g, " ");
