import { readEnvironments } from "../../client/environments";
import { applicationsPath, environmentOf, lastReleaseAnnotation } from "../../components/shared/workflow-names";
import { parseJson } from "../../lib/json";
import type { Cluster } from "../../lib/kube-client";
import { isRecord } from "../../lib/record";
import type { LastRelease } from "./manifest";

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
      lastRelease: lastReleaseOf(metadata.annotations?.[lastReleaseAnnotation]),
      released: spec.source.kustomize?.images?.[0]?.split("@")[1] ?? null,
    }))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** The same check as `held` in `workflows/lib/last_release.py`: what a person wrote there counts as nothing. */
function lastReleaseOf(annotation: string | undefined): LastRelease | null {
  const found = parseJson(annotation ?? "null");
  if (!isRecord(found)) return null;
  const { version, digest, at } = found;
  const isWhole =
    /^(1\.0\.[1-9]\d{0,8}|base)$/.test(String(version)) && isDigest(String(digest)) && typeof at === "number";
  return isWhole ? { version: String(version), digest: String(digest) } : null;
}

export const isDigest = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text);

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
  await cluster.api(`${applicationsPath}/${application}?fieldManager=promotion-pipeline`, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: { metadata: { annotations: { [lastReleaseAnnotation]: JSON.stringify({ version, digest, at }) } } },
  });
}

/** How a sentence names what an environment serves. */
export const titleOf = (release: { version: string } | null): string =>
  !release || release.version === "base" ? "no model" : release.version;
