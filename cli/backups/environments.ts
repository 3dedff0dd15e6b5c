import { readEnvironments } from "../../client/environments";
import { heldRelease, heldText, type LastRelease, recordedRelease } from "../../client/last-release";
import type { Release } from "../../client/releases";
import {
  applicationsPath,
  environmentApp,
  environmentOf,
  lastReleaseAnnotation,
  pipelineFieldManager,
} from "../../components/shared/workflow-names";
import type { Cluster } from "../../lib/kube-client";

interface Application {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: {
    project: string;
    destination: { namespace: string };
    source: { kustomize?: { images?: string[] } };
  };
}

/** What the Application of an environment says. */
export interface EnvironmentState {
  readonly name: string;
  /** Name of the Application. */
  readonly application: string;
  /** What it last came to serve; null before its first release. */
  readonly lastRelease: LastRelease | null;
  /** Digest that it is told to run; null for the base image. */
  readonly released: string | null;
}

/** What the Applications of all environments say, in the order of promotion. */
export async function readEnvironmentStates(cluster: Cluster): Promise<EnvironmentState[]> {
  const { items } = await cluster.api<{ items: Application[] }>(applicationsPath);
  const order = await readEnvironments(cluster);
  return items
    .filter(({ spec }) => spec.project === "gourmetgram")
    .map(({ metadata, spec }) => ({
      name: environmentOf(spec.destination.namespace),
      application: metadata.name,
      lastRelease: undated(heldRelease(metadata.annotations?.[lastReleaseAnnotation])),
      released: spec.source.kustomize?.images?.[0]?.split("@")[1] ?? null,
    }))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** The environments of the pipeline that have no Application, in the order of promotion. */
export async function lostEnvironments(cluster: Cluster, found: readonly EnvironmentState[]): Promise<string[]> {
  return (await readEnvironments(cluster)).filter((name) => !found.some((state) => state.name === name));
}

/** What the record of releases says of environments without an Application; none of those that it does not name. */
export function recordedStates(names: readonly string[], releases: readonly Release[]): EnvironmentState[] {
  return names.flatMap((name) => {
    const lastRelease = undated(recordedRelease(releases, name));
    if (!lastRelease) return [];
    const released = lastRelease.version === "base" ? null : lastRelease.digest;
    return { name, application: environmentApp(name), lastRelease, released };
  });
}

/** A restored stack came to serve it at the time of the restore. */
const undated = (release: LastRelease | null): LastRelease | null =>
  release && { version: release.version, digest: release.digest };

/**
 * Makes an Application hold what its environment is to serve. The newer one of this and the record decides.
 * @param at when it came to serve, in milliseconds since 1970
 */
export async function holdLastRelease(
  cluster: Cluster,
  application: string,
  { version, digest }: LastRelease,
  at: number,
): Promise<void> {
  await cluster.api(`${applicationsPath}/${application}?fieldManager=${pipelineFieldManager}`, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: { metadata: { annotations: { [lastReleaseAnnotation]: heldText({ version, digest, at }) } } },
  });
}

/** How a sentence names what an environment serves. */
export const titleOf = (release: { version: string } | null): string =>
  !release || release.version === "base" ? "no model" : release.version;
