/**
 * What an update has pushed to the registry, and the registry has lost: with its volume, or by a deletion. Pulumi does
 * not read the registry, so it reports the pushes as unchanged. The next update is told to repeat them, by
 * `pulumi up --replace`.
 *
 * Nothing is kept in the program or the state for this. The registry itself is asked for each digest, so any kind of
 * loss is noticed. As an input of the resources, the answer would differ from the one before again in the update after.
 */
import { pushedDigests } from "../components/shared/pushed-digests";
import { pipelineImagesType } from "../components/shared/workflow-names";
import { type BuiltImageKey, builtImageKeys, catalogue, registryAddress } from "../images/catalogue";
import type { Cluster } from "../lib/kube-client";
import type { Recorded } from "./state";

/** The name of one artifact in the registry. */
export interface Reference {
  /** `bundles/gourmetgram-staging` */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
}

/** One that an update has pushed. */
export interface Artifact extends Reference {
  /** The resource that pushes it. */
  readonly urn: string;
}

interface PodSpec {
  containers?: { env?: { name: string; value?: string }[] }[];
}

/** What the update of a stack has pushed: the built images by their digests, and the bundles by their tags. */
export function pushedArtifacts(resources: readonly Recorded[]): Artifact[] {
  return resources.flatMap((resource) => [...imagesOf(resource), ...bundlesOf(resource)]);
}

function imagesOf({ urn = "", type, outputs }: Recorded): Artifact[] {
  if (type !== "command:local:Command" || !urn.includes(`${pipelineImagesType}$`)) return [];
  if (typeof outputs?.stdout !== "string") return [];
  const digests = pushedDigests(outputs.stdout) as Partial<Record<BuiltImageKey, string>>;
  return builtImageKeys.flatMap((key) =>
    digests[key] ? [{ urn, repository: withoutHost(catalogue[key].repository), reference: digests[key] }] : [],
  );
}

function bundlesOf({ urn = "", type, inputs }: Recorded): Artifact[] {
  if (type !== "kubernetes:batch/v1:Job") return [];
  const { spec } = (inputs ?? {}) as { spec?: { template?: { spec?: PodSpec } } };
  const variables = (spec?.template?.spec?.containers ?? []).flatMap(({ env = [] }) => env);
  return variables
    .filter(({ name, value }) => name === "TARGET" && value?.startsWith(`${registryAddress}/`))
    .map(({ value }) => {
      const [repository, reference] = withoutHost(value!).split(":");
      return { urn, repository, reference };
    });
}

/** The repository of an image in the pipeline's registry. */
export const withoutHost = (image: string): string => image.slice(registryAddress.length + 1);

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/**
 * Those that the registry says it lacks. A registry that does not answer may have them: then none is listed.
 * @param cluster the cluster that the registry is on
 * @throws if the cluster does not answer
 */
export async function lostArtifacts<T extends Reference>(cluster: Cluster, artifacts: readonly T[]): Promise<T[]> {
  const [service, namespace] = registryAddress.split(".");
  const port = Number(registryAddress.split(":")[1]);
  const isLost = async ({ repository, reference }: Reference): Promise<boolean> => {
    const path = `/v2/${repository}/manifests/${reference}`;
    const { status, text } = await cluster.service(namespace, service, port, path, {
      headers: { accept: manifestTypes },
    });
    // The API server answers 404 too, if there is no such Service.
    return status === 404 && /MANIFEST_UNKNOWN|NAME_UNKNOWN/.test(text);
  };
  const lost = await Promise.all(artifacts.map(isLost));
  return artifacts.filter((_, index) => lost[index]);
}
