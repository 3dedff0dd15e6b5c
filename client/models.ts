import { collectedTag } from "../components/shared/workflow-names";
import { modelName } from "../images/model";
import type { RegisteredVersion } from "../lib/delivery";
import { isDigest } from "../lib/digest";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { mlflow } from "./mlflow";

/** A registered version, with what the pipeline recorded about it. */
export interface Model {
  /** Version of the app that serves it: `1.0.X`. */
  readonly version: string;
  readonly aliases: string[];
  /** Digest of the image that was built for it last, or null. */
  readonly digest: string | null;
  /** Verdict of each gate: `pass`, `fail`, `inconclusive` or `skipped`, with its reason. */
  readonly verdicts: Record<string, { verdict: string; reason: string }>;
  /** When its image and its files were collected, as MLflow has it; null while they are there. */
  readonly collected: string | null;
  /** Why its pass was taken back, as MLflow has it; null where it was not. */
  readonly withdrawn: string | null;
}

interface Alias {
  alias: string;
  version: string;
}
interface Version {
  version: string;
  /** Milliseconds since 1970. */
  creation_timestamp?: number;
  run_id?: string;
  tags?: { key: string; value: string }[];
}
interface Found {
  model_versions?: Version[];
  next_page_token?: string;
}

/** Largest number of versions that MLflow is asked for at once. */
const pageSize = 1000;

/** Every registered version, newest first; none before the first training. @throws if MLflow is unreachable */
export async function listModels(cluster: Cluster): Promise<Model[]> {
  const aliases = await readAliases(cluster);
  if (!aliases) return [];
  return modelsOf(await listVersions(cluster), aliases);
}

/** A registered version, by its number, with all its tags. */
export interface VersionTags {
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** The tags of every registered version. @throws if MLflow is unreachable */
export async function listVersionTags(cluster: Cluster): Promise<VersionTags[]> {
  return (await listVersions(cluster)).map(({ version, tags = [] }) => ({
    version,
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
  }));
}

/** Every registered version, with when it was registered. @throws if MLflow is unreachable */
export async function listRegisteredVersions(cluster: Cluster): Promise<RegisteredVersion[]> {
  return (await listVersions(cluster)).map(registered);
}

const registered = ({ version, creation_timestamp = 0, tags = [] }: Version): RegisteredVersion => ({
  version: `1.0.${version}`,
  registeredAt: new Date(creation_timestamp),
  tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
});

async function listVersions(cluster: Cluster): Promise<Version[]> {
  const versions: Version[] = [];
  let token: string | undefined;
  do {
    const page = await search(cluster, "", pageSize, token);
    versions.push(...(page.model_versions ?? []));
    token = page.next_page_token;
  } while (token);
  return versions;
}

/** A registered version as MLflow has it. */
export interface ModelRecord extends RegisteredVersion {
  /** The X of `1.0.X`. */
  readonly number: number;
  readonly aliases: readonly string[];
  /** MLflow run that trained it; an empty string where MLflow does not know. */
  readonly trainingRun: string;
}

/**
 * The newest versions, newest first.
 * @param before number of a version: only those before it are listed
 * @throws if MLflow is unreachable
 */
export async function listModelRecords(
  cluster: Cluster,
  count: number,
  before?: number,
): Promise<{ records: ModelRecord[]; hasOlder: boolean }> {
  const aliases = await readAliases(cluster);
  if (!aliases) return { records: [], hasOlder: false };
  const filter = before === undefined ? "" : ` and version_number < ${before}`;
  const { model_versions: found = [] } = await search(cluster, filter, count + 1);
  const records = found.slice(0, count).map((version) => ({
    ...registered(version),
    number: Number(version.version),
    aliases: aliasesOf(version, aliases),
    trainingRun: version.run_id ?? "",
  }));
  return { records, hasOlder: found.length > count };
}

/** A registered version by its number; undefined if MLflow does not have it. */
export async function readRegisteredVersion(cluster: Cluster, number: string): Promise<RegisteredVersion | undefined> {
  const version = await getVersion(cluster, number);
  return version && registered(version);
}

/** The newest versions, and all with an alias. */
export interface NewestModels {
  readonly models: Model[];
  /** Largest number of versions that are not among them: those before the newest, unless they were deleted. */
  readonly older: number;
}

/**
 * The newest versions and those with an alias, newest first, without a look at the others.
 * @throws if MLflow is unreachable
 */
export async function listNewestModels(cluster: Cluster, count: number): Promise<NewestModels> {
  const aliases = await readAliases(cluster);
  if (!aliases) return { models: [], older: 0 };
  // One more tells whether there are older ones.
  const { model_versions: found = [] } = await search(cluster, "", count + 1);
  const newest = found.slice(0, count);
  const missing = new Set(aliases.map(({ version }) => version).filter((version) => !has(newest, version)));
  const answers = await Promise.all([...missing].map((version) => getVersion(cluster, version)));
  const others = answers.filter((version) => version !== undefined);
  const first = Math.min(...newest.map(({ version }) => Number(version)));
  const older = found.length > count ? first - 1 - others.length : 0;
  return { models: modelsOf([...newest, ...others], aliases), older: Math.max(0, older) };
}

/** The versions that these environments run and that are not among the models: by name, or by the image's digest. */
export async function listServedModels(
  cluster: Cluster,
  models: readonly Model[],
  { versions = [], digests = [] }: { versions?: readonly string[]; digests?: readonly string[] },
): Promise<Model[]> {
  const numbers = versions.flatMap((version) => /^1\.0\.(\d+)$/.exec(version)?.[1] ?? []);
  const unlisted = new Set(numbers.filter((number) => !models.some(({ version }) => version === `1.0.${number}`)));
  const unknown = new Set(
    digests.filter((digest) => isDigest(digest) && !models.some((model) => model.digest === digest)),
  );
  const found = await Promise.all([
    ...[...unlisted].map(async (number) => (await getVersion(cluster, number)) ?? []),
    ...[...unknown].map(async (digest) => {
      const { model_versions = [] } = await search(cluster, ` and tags.image_digest='${digest}'`, 1);
      return model_versions;
    }),
  ]);
  // With an alias they would be listed.
  return modelsOf(found.flat(), []);
}

const has = (versions: readonly Version[], number: string) => versions.some(({ version }) => version === number);

/** All aliases; undefined before the first training. Asked for one model by name, MLflow reads all its versions. */
async function readAliases(cluster: Cluster): Promise<Alias[] | undefined> {
  const filter = encodeURIComponent(`name='${modelName}'`);
  const found = await mlflow<{ registered_models?: { aliases?: Alias[] }[] }>(
    cluster,
    `registered-models/search?filter=${filter}&max_results=1`,
  );
  const [model] = found?.registered_models ?? [];
  return model && (model.aliases ?? []);
}

/** One page of versions, newest first. */
async function search(cluster: Cluster, filter: string, count: number, token?: string): Promise<Found> {
  const query = Object.entries({
    filter: `name='${modelName}'${filter}`,
    max_results: String(count),
    order_by: "version_number DESC",
    ...(token && { page_token: token }),
  }).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return (await mlflow<Found>(cluster, `model-versions/search?${query.join("&")}`)) ?? {};
}

async function getVersion(cluster: Cluster, number: string): Promise<Version | undefined> {
  const path = `model-versions/get?name=${modelName}&version=${number}`;
  return (await mlflow<{ model_version: Version }>(cluster, path))?.model_version;
}

const aliasesOf = ({ version }: Version, aliases: readonly Alias[]): string[] =>
  aliases
    .filter((alias) => alias.version === version)
    .map(({ alias }) => alias)
    .sort();

function modelsOf(versions: Version[], aliases: readonly Alias[]): Model[] {
  const byNumber = [...versions].sort((a, b) => Number(b.version) - Number(a.version));
  return byNumber.map(({ version, tags = [] }) => {
    const tagOf = (name: string) => tags.find(({ key }) => key === name)?.value ?? null;
    return {
      version: `1.0.${version}`,
      aliases: aliasesOf({ version }, aliases),
      digest: tagOf("image_digest"),
      verdicts: Object.fromEntries(
        tags
          .filter(({ key }) => key.startsWith("gate."))
          .flatMap(({ key, value }) => {
            const report = parseVerdict(value);
            return report ? [[key.slice("gate.".length), report]] : [];
          }),
      ),
      collected: tagOf(collectedTag),
      withdrawn: tagOf("staging.verdict") === "withdrawn" ? (tagOf("staging.reason") ?? "") : null,
    };
  });
}

/** The verdict of a gate's report; undefined if a person wrote something else there. */
export function parseVerdict(tag: string): Model["verdicts"][string] | undefined {
  const { verdict: word, reason } = (parseJson(tag) ?? {}) as { verdict?: unknown; reason?: unknown };
  return typeof word === "string" && typeof reason === "string" ? { verdict: word, reason } : undefined;
}
