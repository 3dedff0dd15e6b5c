import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { mlflowNamespace } from "../../components/shared/mlflow-address";
import { ApiError, type Cluster, isTransient } from "../../lib/kube-client";
import type { Progress } from "../../lib/phases";
import { timestamp } from "../../lib/timestamp";

const name = "gourmetgram-restore";
const leases = `/apis/coordination.k8s.io/v1/namespaces/${mlflowNamespace}/leases`;

interface Lease {
  metadata: { name: string; resourceVersion?: string };
  spec: { holderIdentity: string; leaseDurationSeconds: number; acquireTime: string; renewTime: string };
}

/** Milliseconds. */
interface LockTimes {
  /** Between two renewals. */
  readonly renew: number;
  /** After which a Lease that nobody renews is taken over. */
  readonly expiry: number;
  /** Between two looks at the Lease of another restore. */
  readonly look: number;
}

const usualTimes: LockTimes = { renew: 5_000, expiry: 30_000, look: 1_000 };

/**
 * Runs `use` while no other restore into the same cluster can run. A Lease in the namespace of MLflow says who
 * restores, and is deleted at the end.
 * @throws if another restore is at work, or takes over because this one was not heard of for 30 s
 */
export async function aloneInCluster<T>(
  cluster: Cluster,
  tell: Progress,
  use: () => Promise<T>,
  times = usualTimes,
): Promise<T> {
  const holder = `${await cluster.username()} ${randomUUID()}`;
  await acquire(cluster, holder, tell, times);
  const end = new AbortController();
  const renewals = renew(cluster, holder, times, end.signal);
  try {
    const ended = use();
    await Promise.race([ended, renewals]);
    return await ended;
  } finally {
    end.abort();
    await renewals.catch(() => undefined);
    await release(cluster, holder);
  }
}

/**
 * An interrupted restore leaves its Lease behind. Whether the holder is at work, its renewals say: the clocks of two
 * machines need not agree for that.
 */
async function acquire(cluster: Cluster, holder: string, tell: Progress, times: LockTimes): Promise<void> {
  if (await create(cluster, holder, times)) return;
  const first = await read(cluster);
  if (first) tell(`Looks for ${times.expiry / 1000} s whether the restore that ${began(first)} is still at work.`);
  for (const expiry = Date.now() + times.expiry; ; await pause(times.look)) {
    const found = await read(cluster);
    if (!found) {
      if (await create(cluster, holder, times)) return;
    } else if (found.metadata.resourceVersion !== first?.metadata.resourceVersion) {
      throw atWork(found);
    } else if (Date.now() > expiry) {
      if (await replace(cluster, { ...found, spec: specOf(holder, times) })) return;
    }
  }
}

/** Renews the Lease until the end, and makes it again where it was deleted. @throws if somebody else holds it */
async function renew(cluster: Cluster, holder: string, times: LockTimes, end: AbortSignal): Promise<void> {
  for (;;) {
    await pause(times.renew, undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) return;
    try {
      const lease = await read(cluster);
      if (lease && lease.spec.holderIdentity !== holder) throw atWork(lease);
      if (lease) await replace(cluster, { ...lease, spec: { ...lease.spec, renewTime: microTime() } });
      else await create(cluster, holder, times);
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }
}

/** Deletes the Lease, unless another restore holds it by now. */
async function release(cluster: Cluster, holder: string): Promise<void> {
  // Where this fails, the Lease expires.
  const lease = await read(cluster).catch(() => undefined);
  if (lease?.spec.holderIdentity !== holder) return;
  const preconditions = { resourceVersion: lease.metadata.resourceVersion };
  await cluster.api(`${leases}/${name}`, { method: "DELETE", body: { preconditions } }).catch(() => undefined);
}

/** Whether this call created it. */
async function create(cluster: Cluster, holder: string, times: LockTimes): Promise<boolean> {
  const lease: Lease = { metadata: { name }, spec: specOf(holder, times) };
  const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease };
  return unlessConflict(cluster.api(leases, { method: "POST", body })).catch((error: Error) => {
    if (!hasStatus(error, 404)) throw error;
    throw new Error(`the cluster has no namespace ${mlflowNamespace}: run npm start, or pulumi up, then restore`);
  });
}

/** Whether nobody has written it since it was read. */
const replace = (cluster: Cluster, lease: Lease): Promise<boolean> =>
  unlessConflict(cluster.api(`${leases}/${name}`, { method: "PUT", body: lease }));

const unlessConflict = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    (error: Error) => {
      if (hasStatus(error, 409)) return false;
      throw error;
    },
  );

const read = (cluster: Cluster): Promise<Lease | undefined> =>
  cluster.api<Lease>(`${leases}/${name}`).catch((error: Error) => {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  });

const hasStatus = (error: Error, status: number): boolean => error instanceof ApiError && error.status === status;

function specOf(holder: string, { expiry }: LockTimes): Lease["spec"] {
  const now = microTime();
  return {
    holderIdentity: holder,
    leaseDurationSeconds: Math.ceil(expiry / 1000),
    acquireTime: now,
    renewTime: now,
  };
}

/** Kubernetes reads six digits of the second, and no others. */
const microTime = (): string => new Date().toISOString().replace("Z", "000Z");

const began = ({ spec }: Lease): string =>
  `${spec.holderIdentity.split(" ")[0]} began at ${timestamp(new Date(spec.acquireTime))}`;

const atWork = (lease: Lease): Error =>
  new Error(
    `another restore is at work, which ${began(lease)}: wait for its end, or stop it where it runs, ` +
      "then run npm run restore again",
  );
