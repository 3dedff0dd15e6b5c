/** What an environment came to serve: as `workflows/lib/last_release.py` reads and writes it. */
import { isDigest } from "../lib/digest";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { isRecord } from "../lib/record";
import { listServedModels } from "./models";
import { listNewestReleases, type Release } from "./releases";

/** What an environment serves. */
export interface LastRelease {
  /** `1.0.X`, or `base` for the base image. */
  readonly version: string;
  readonly digest: string;
}

/** What it came to serve at a time, in milliseconds since 1970. */
export interface DatedRelease extends LastRelease {
  readonly at: number;
}

/** The same check as `served` of the steps: what a person wrote there counts as nothing. */
function checked(version: unknown, digest: unknown, at: unknown): DatedRelease | null {
  const isVersion = /^(1\.0\.[1-9]\d{0,8}|base)$/.test(String(version));
  if (!isVersion || !isDigest(String(digest)) || typeof at !== "number") return null;
  return { version: String(version), digest: String(digest), at };
}

/** What the annotation of an Application holds; null before the first release. */
export function heldRelease(annotation: string | undefined): DatedRelease | null {
  const found = parseJson(annotation ?? "null");
  return isRecord(found) ? checked(found.version, found.digest, found.at) : null;
}

/** The annotation that holds it. */
export const heldText = ({ version, digest, at }: DatedRelease): string => JSON.stringify({ version, digest, at });

/** What the newest record says that an environment came to serve; null if none does. */
export function recordedRelease(releases: readonly Release[], environment: string): DatedRelease | null {
  const [newest] = releases
    .filter((release) => release.environment === environment && release.serves?.digest && release.endedAt)
    .sort((a, b) => b.endedAt!.getTime() - a.endedAt!.getTime());
  return newest ? checked(newest.serves!.version, newest.serves!.digest, newest.endedAt!.getTime()) : null;
}

/** The same from MLflow. @throws if MLflow does not answer */
export async function readRecordedRelease(cluster: Cluster, environment: string): Promise<DatedRelease | null> {
  // A release that is not at its end is among them, and perhaps what a person wrote.
  const { releases } = await listNewestReleases(cluster, 20, { environment, serving: true });
  return recordedRelease(releases, environment);
}

/** The version of the model that an image was built from; undefined if MLflow knows none. */
export async function versionOfImage(cluster: Cluster, digest: string): Promise<string | undefined> {
  return (await listServedModels(cluster, [], { digests: [digest] })).at(0)?.version;
}
