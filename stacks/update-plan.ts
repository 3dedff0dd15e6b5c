/** What an update must do besides what Pulumi finds out by itself: look at the cluster, and push again what is lost. */
import { registryType } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { type Artifact, lostArtifacts, pushedArtifacts } from "./lost-artifacts";
import { type LostRelease, lostReleases, releaseNotices } from "./lost-releases";
import { missingObjects, type RecordedObject, recordedObjects } from "./missing-objects";
import type { Recorded } from "./state";

/** How `pulumi up`, and the preview of it, is run. */
export interface UpdatePlan {
  /** Whether Pulumi compares the program with the cluster, and not with its state. */
  readonly refresh: boolean;
  /** URNs of what is made again, though it has not changed. */
  readonly replace: readonly string[];
  /** Added to the environment of the command. */
  readonly env: NodeJS.ProcessEnv;
  /** What has been lost and is made again, a sentence each. */
  readonly notices: readonly string[];
  /** Releases whose image the pipeline builds again after the update. */
  readonly lostReleases: readonly LostRelease[];
}

/** An update in which Pulumi does what it finds out by itself. */
export const plainUpdate: UpdatePlan = { refresh: false, replace: [], env: {}, notices: [], lostReleases: [] };

/**
 * With this, Pulumi takes the fields that the program declares from whoever wrote them since. By default, the update
 * fails at the first field of another writer. Fields that the program does not declare stay, such as a release.
 */
export const forcePatches: NodeJS.ProcessEnv = { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" };

/** The plan of an update that also takes back what was changed in the cluster by hand. */
export const takingBack = (plan: UpdatePlan): UpdatePlan => ({
  ...plan,
  refresh: true,
  env: { ...plan.env, ...forcePatches },
});

/** The plan as arguments of `pulumi up` or `pulumi preview`. */
export const updateArgs = ({ refresh, replace }: UpdatePlan): string[] => [
  ...(refresh ? ["--refresh"] : []),
  ...replace.flatMap((urn) => ["--replace", urn]),
];

/** The clusters of a stack: its own, and the one with the registry, which may be the same. */
export interface Clusters {
  readonly own: Cluster;
  readonly platform: Cluster;
}

/**
 * Adds to a plan what the clusters have lost of what a stack has recorded.
 * @throws if the cluster lacks all that was recorded, and the plan has no refresh: then it is probably another cluster
 */
export async function planUpdate(
  plan: UpdatePlan,
  resources: readonly Recorded[],
  clusters: () => Clusters,
): Promise<UpdatePlan> {
  const objects = recordedObjects(resources);
  // A new stack has recorded nothing, and its cluster may not have been asked for anything yet.
  if (objects.length === 0) return plan;
  const { own, platform } = clusters();
  const missing = await missingObjects(own, objects);
  if (missing.length === objects.length && !plan.refresh) throw otherCluster(objects);
  const artifacts = pushedArtifacts(resources);
  const isVolumeLost = missing.some(isRegistryVolume);
  const lost = isVolumeLost ? artifacts : await lostArtifacts(platform, artifacts);
  const releases = await lostReleases(platform, isVolumeLost);
  // What is gone is seen by a look at the cluster alone, which also sees what somebody changed by hand.
  const looking = missing.length > 0 ? takingBack(plan) : plan;
  return {
    ...looking,
    replace: [...plan.replace, ...new Set(lost.map(({ urn }) => urn))],
    notices: [...plan.notices, ...missing.map(missingNotice), ...lostNotices(lost), ...releaseNotices(releases)],
    lostReleases: releases,
  };
}

const isRegistryVolume = ({ urn }: RecordedObject): boolean => urn.includes(`${registryType}$`);

const missingNotice = ({ title, holdsData }: RecordedObject): string =>
  `${title} is gone from the cluster: it is made again${holdsData ? ", empty" : ""}.`;

function lostNotices(lost: readonly Artifact[]): string[] {
  if (lost.length === 0) return [];
  const names = lost.map(({ repository }) => repository).join(", ");
  return [`The registry no longer has ${names}: what this stack pushed there is pushed again.`];
}

const otherCluster = (objects: readonly RecordedObject[]): Error =>
  new Error(
    `The cluster has none of the ${objects.length} objects that this stack has recorded and that were looked for, ` +
      `such as ${objects[0].title}. Nothing was changed. ` +
      "If it is the wrong cluster, correct gourmetgram:cluster in the stack file. " +
      "If it has lost everything, run npm start -- --refresh, which makes everything again.",
  );
