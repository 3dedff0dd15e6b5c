/**
 * Images of released versions that the registry has lost. The pipeline built them, and not the stack: no update pushes
 * them again. The pipeline's schedules do, and need not be waited for.
 */
import { heldRelease } from "../client/last-release";
import { type Submission, submit } from "../client/workflows";
import { applicationsPath, environmentOf, lastReleaseAnnotation } from "../components/shared/workflow-names";
import { catalogue } from "../images/catalogue";
import { type Cluster, emptyIfNotFound } from "../lib/kube-client";
import { lostArtifacts, withoutHost } from "./lost-artifacts";

/** What an environment holds as its last release, and whose image is gone. */
export interface LostRelease {
  readonly environment: string;
  /** `1.0.X` */
  readonly version: string;
}

interface Application {
  metadata: { annotations?: Record<string, string> };
  spec: { project: string; destination: { namespace: string } };
}

/**
 * The releases that the Applications hold, less those whose image the registry has, and all of them if its volume is
 * gone. A registry that does not answer may have them: then none is listed.
 * @throws if the cluster does not answer
 */
export async function lostReleases(platform: Cluster, isVolumeLost: boolean): Promise<LostRelease[]> {
  const { items } = await platform.api<{ items: Application[] }>(applicationsPath).catch(emptyIfNotFound);
  const held = items.flatMap(({ metadata, spec }) => {
    const release = heldRelease(metadata.annotations?.[lastReleaseAnnotation]);
    if (spec.project !== "gourmetgram" || !release || release.version === "base") return [];
    const repository = withoutHost(catalogue.app.repository);
    const environment = environmentOf(spec.destination.namespace);
    return [{ environment, version: release.version, repository, reference: release.digest }];
  });
  const lost = isVolumeLost ? held : await lostArtifacts(platform, held);
  return lost.map(({ environment, version }) => ({ environment, version }));
}

/** What a person is told of them. */
export const releaseNotices = (lost: readonly LostRelease[]): string[] =>
  [...new Set(lost.map(({ version }) => version))].map((version) => {
    const names = lost.filter((release) => release.version === version).map(({ environment }) => environment);
    return (
      `The registry no longer has the image of ${version}, the last release of ${names.join(" and ")}: ` +
      "after the update the pipeline builds it again from its model."
    );
  });

/**
 * Submits the Workflows that build the images again: `revert-staging` for staging, `restore-releases` for the others.
 * Both leave alone what serves, and say in an Event if an image cannot be built again.
 * @returns a sentence for each; one that could not be submitted stops nothing, since a schedule does the same
 */
export async function rebuildReleases(
  platform: Cluster,
  lost: readonly LostRelease[],
  options: Submission = {},
): Promise<string[]> {
  const templates = new Set(
    lost.map(({ environment }) => (environment === "staging" ? "revert-staging" : "restore-releases")),
  );
  return Promise.all(
    [...templates].map((template) =>
      submit(platform, template, {}, options).then(
        (name) => `${name} builds the lost images again: npm run history has what became of it.`,
        (error: Error) => `cron-${template} builds the lost images again within ten minutes (${error.message}).`,
      ),
    ),
  );
}
