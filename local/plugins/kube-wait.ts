/** Waits by watches for what the API server does after it has said yes. */
import { deadline } from "./deadline";
import { isNotFound, type KubeClient } from "./kube-client";
import { collectionPath, type Kind } from "./kube-discovery";
import { explainPods, podProblem, podSelector } from "./kube-pods";
import { annotation, annotations, condition, defaultTimeoutSeconds, isAwaited, readiness } from "./kube-ready";
import { log } from "./protocol";
import { type Properties, record, text } from "./values";

/** One object that is waited for. */
export interface Awaited {
  urn: string;
  kind: Kind;
  object: Properties;
  /** From `customTimeouts`; 0 takes the annotation's, or else the default. */
  timeoutSeconds: number;
}

const nameOf = (object: Properties): string => text(record(object, "metadata"), "name") ?? "";
const namespaceOf = (object: Properties): string => text(record(object, "metadata"), "namespace") ?? "";

function timeout({ object, timeoutSeconds }: Awaited): number {
  return timeoutSeconds || Number(annotation(object, annotations.timeout)) || defaultTimeoutSeconds;
}

/** Shows what is waited for whenever it changes, once the wait is long enough for a person to wonder. */
function reporter(urn: string): { report(message: string): void; done(finished?: string): void } {
  let last = "";
  let shown = "";
  const show = () => {
    if (last !== shown) log(urn, last, { ephemeral: true });
    shown = last;
  };
  let quiet = true;
  const timer = setTimeout(() => {
    quiet = false;
    show();
  }, 1_000);
  return {
    report: (message) => {
      last = message;
      if (!quiet) show();
    },
    done: (finished) => {
      clearTimeout(timer);
      if (shown && finished) log(urn, finished, { ephemeral: true });
    },
  };
}

/**
 * Waits until the object is ready, and returns it as it is then.
 * @throws Error with what its pods say, where it fails, vanishes, isn't ready in time or the update is cancelled.
 */
export async function untilReady(client: KubeClient, awaited: Awaited, cancelled: AbortSignal): Promise<Properties> {
  const { urn, kind, object } = awaited;
  if (!isAwaited(object) || (await bindsLater(client, object))) return object;
  const seconds = timeout(awaited);
  const { signal, clear } = deadline(seconds, cancelled);
  const { report, done } = reporter(urn);
  let message = "";
  let problem: string | undefined;
  const show = () => report(problem ? `${message}; ${problem}` : message);
  const watchPods = async () => {
    const labelSelector = podSelector(object);
    if (!labelSelector || kind.apiVersion === "v1") return;
    await client.follow(`/api/v1/namespaces/${namespaceOf(object)}/pods`, { labelSelector }, signal, (pod) => {
      problem = pod && podProblem(pod);
      if (message) show();
    });
  };
  watchPods().catch(() => {}); // It only adds words to the wait, which meets the same troubles itself.
  try {
    return await client.follow(
      collectionPath(kind, namespaceOf(object)),
      { fieldSelector: `metadata.name=${nameOf(object)}` },
      signal,
      (live) => {
        if (!live) throw new Error("it was deleted while it was waited for");
        const current = { ...live, apiVersion: object.apiVersion, kind: object.kind }; // The items of a list lack both.
        const state = readiness(current);
        if (state.state === "failed") throw new Error(state.message);
        if (state.state === "ready") return (done("ready"), current);
        message = state.message;
        return void show();
      },
    );
  } catch (error) {
    const reason =
      !signal.aborted || cancelled.aborted ? (error as Error).message : `not ready within ${seconds} s: ${message}`;
    const lines = cancelled.aborted ? [] : await explainPods(client, object).catch(() => []);
    throw new Error([reason, ...lines].join("\n  "));
  } finally {
    clear();
    done();
  }
}

/** True for a volume claim that is bound only once a pod uses it. */
async function bindsLater(client: KubeClient, object: Properties): Promise<boolean> {
  const storageClass = text(record(object, "spec"), "storageClassName");
  if (object.kind !== "PersistentVolumeClaim" || !storageClass) return false;
  const found = await client.request("GET", `/apis/storage.k8s.io/v1/storageclasses/${storageClass}`).catch((error) => {
    if (isNotFound(error)) return {};
    throw error;
  });
  return record({ found }, "found").volumeBindingMode === "WaitForFirstConsumer";
}

/**
 * Waits until the object is gone, or another has taken its name.
 * @throws Error that names what holds it, where it is still there in time.
 */
export async function untilGone(client: KubeClient, awaited: Awaited, cancelled: AbortSignal): Promise<void> {
  const { urn, kind, object } = awaited;
  const seconds = timeout(awaited);
  const { signal, clear } = deadline(seconds, cancelled);
  const { report, done } = reporter(urn);
  const uid = record(object, "metadata").uid;
  let held = "";
  try {
    await client.follow(
      collectionPath(kind, namespaceOf(object)),
      { fieldSelector: `metadata.name=${nameOf(object)}` },
      signal,
      (live) => {
        if (!live || (uid !== undefined && record(live, "metadata").uid !== uid)) return (done("gone"), true);
        held = holders(live);
        return void report(held ? `being deleted: ${held}` : "being deleted");
      },
    );
  } catch (error) {
    if (isNotFound(error)) return; // Its kind is gone, and it with it.
    if (!signal.aborted || cancelled.aborted) throw error;
    throw new Error(
      `it is still there after ${seconds} s${held && `, ${held}`}: see why its controller doesn't finish, or remove the finalizer, then run this again`,
    );
  } finally {
    clear();
    done();
  }
}

/** What keeps a deleted object from going, in words; empty where nothing does. */
export function holders(object: Properties): string {
  const remaining = [
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
    "NamespaceDeletionContentFailure",
    "NamespaceDeletionDiscoveryFailure",
  ]
    .map((type) => condition(object, type))
    .filter(({ status }) => status === "True")
    .map((each) => text(each, "message"));
  const finalizers = record(object, "metadata").finalizers;
  const foreign = Array.isArray(finalizers) ? finalizers.filter((each) => each !== "foregroundDeletion") : [];
  if (Array.isArray(finalizers) && finalizers.length > foreign.length) remaining.unshift("what it owns goes first");
  if (foreign.length > 0) remaining.unshift(`held by finalizer ${foreign.join(", ")}`);
  return remaining.join("; ");
}
