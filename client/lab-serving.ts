import { environmentOf } from "../components/shared/workflow-names";
import type { Cluster } from "../lib/kube-client";
import { listed } from "../lib/listed";
import { recordedRelease } from "./last-release";
import { environmentStatuses, readApplications } from "./pipeline-status";
import type { Release } from "./releases";

/** What an environment is told to run, and what it runs. */
export interface Serving {
  readonly environment: string;
  readonly hasApplication: boolean;
  /** Digest that its Application is told to run; null for the base image. */
  readonly told: string | null;
  /** Digest of the image of its pods; null where no pod is ready. */
  readonly runs: string | null;
  /** What it answers on `/version`; null without a model. On a remote cluster `unknown`, as nobody asks it there. */
  readonly answers: string | null;
}

/** What every environment is told to run and runs, in the order of promotion. */
export async function readServing(cluster: Cluster, environments: readonly string[]): Promise<Serving[]> {
  const applications = await readApplications(cluster);
  const statuses = await environmentStatuses(cluster, applications, environments, []);
  return statuses.map(({ name, digest, version }) => {
    const application = applications.find(({ spec }) => environmentOf(spec.destination.namespace) === name);
    return {
      environment: name,
      hasApplication: application !== undefined,
      told: application?.spec.source?.kustomize?.images?.[0]?.split("@")[1] ?? null,
      runs: digest,
      answers: version,
    };
  });
}

/** Where the environments differ from the record of releases, in one sentence each. */
export const servingDifferences = (serving: readonly Serving[], releases: readonly Release[]): string[] =>
  serving.flatMap((one) => differencesOf(one, releases));

function differencesOf(serving: Serving, releases: readonly Release[]): string[] {
  const { environment, hasApplication, told, runs, answers } = serving;
  const open = releases.filter((release) => release.environment === environment && !release.endedAt);
  // Between two releases an environment may run either.
  if (open.length > 0) {
    const actions = listed([...new Set(open.map(({ action }) => action))]);
    return [`${environment} can't be compared while a ${actions} of it goes on: check again when that has ended`];
  }
  const { version, digest } = recordedRelease(releases, environment) ?? { version: "base", digest: null };
  const record = version === "base" ? "no model" : `${version} (${digest})`;
  const differs = (what: string) => `${environment} ${what}, and the record says ${record}`;
  const expected = version === "base" ? null : digest;
  // The digest of the base image is in no record before the first revert to it.
  const runsOther = digest !== null && runs !== digest;
  const answersOther = answers !== "unknown" && (answers ?? "base") !== version;
  return [
    ...(hasApplication ? [] : [`${environment} has no Application in Argo CD`]),
    ...(hasApplication && told !== expected ? [differs(`is told to run ${told ?? "the base image"}`)] : []),
    ...(runsOther ? [differs(runs ? `runs ${runs}` : noImage(serving))] : []),
    ...(answersOther ? [differs(`answers ${answers ?? "without a model"} on /version`)] : []),
  ];
}

/** Of a remote cluster Argo CD names the images, and none while there are several. */
const noImage = ({ answers }: Serving): string =>
  answers === "unknown" ? "runs no single image that Argo CD names" : "has no pod that is ready";
