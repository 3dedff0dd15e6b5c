/** When an object counts as ready: pure decisions on the object as it is now. */
import { groupOf } from "./kube-discovery";
import { count, equal, isRecord, type Properties, record, records, text } from "./values";

/** Ready, or what is waited for, or why it never will be. */
export type Readiness = { state: "ready" } | { state: "waiting" | "failed"; message: string };

const ready: Readiness = { state: "ready" };
const waiting = (message: string): Readiness => ({ state: "waiting", message });
const failed = (message: string): Readiness => ({ state: "failed", message });

/** Annotations that steer the wait, as the official plugin reads them. */
export const annotations = {
  skip: "pulumi.com/skipAwait",
  waitFor: "pulumi.com/waitFor",
  timeout: "pulumi.com/timeoutSeconds",
  force: "pulumi.com/patchForce",
  autonamed: "pulumi.com/autonamed",
  propagation: "pulumi.com/deletionPropagationPolicy",
};

/** An annotation of an object, or undefined. */
export const annotation = (object: Properties, name: string): string | undefined =>
  text(record(record(object, "metadata"), "annotations"), name);

/** Seconds that a wait may take by default: 10 minutes, as with the official plugin. */
export const defaultTimeoutSeconds = 600;

/** The condition of a type, or an empty record. */
export const condition = (object: Properties, type: string): Properties =>
  records(record(object, "status"), "conditions").find((each) => each.type === type) ?? {};

type Decision = (object: Properties) => Readiness;

const decisions: Record<string, Decision> = {
  "/PersistentVolumeClaim": (object) => phase(object, ["Bound"], ["Lost"]),
  "/Pod": pod,
  "/Secret": secret,
  "/Service": service,
  "apiextensions.k8s.io/CustomResourceDefinition": definition,
  "apps/DaemonSet": daemonSet,
  "apps/Deployment": deployment,
  "apps/StatefulSet": statefulSet,
  "batch/Job": job,
};

/** True where an object of this kind, with these annotations, is waited for at all. */
export function isAwaited(inputs: Properties): boolean {
  if (annotation(inputs, annotations.skip) === "true") return false;
  return annotation(inputs, annotations.waitFor) !== undefined || kindKey(inputs) in decisions;
}

/** Decides on one object. `waitFor` in its annotations overrules what its kind says. */
export function readiness(object: Properties): Readiness {
  const wanted = annotation(object, annotations.waitFor);
  if (wanted !== undefined) return waitFor(object, wanted);
  return (decisions[kindKey(object)] ?? (() => ready))(object);
}

const kindKey = (object: Properties): string => `${groupOf(text(object, "apiVersion") ?? "")}/${text(object, "kind")}`;

/** True once the controller has seen the object as it is declared now. */
const observed = (object: Properties): boolean =>
  count(record(object, "status"), "observedGeneration") >= count(record(object, "metadata"), "generation");

function deployment(object: Properties): Readiness {
  const spec = record(object, "spec");
  const status = record(object, "status");
  if (spec.paused === true) return ready;
  if (!observed(object)) return waiting("waiting for the Deployment controller");
  const progressing = condition(object, "Progressing");
  if (progressing.reason === "ProgressDeadlineExceeded")
    return failed(`no progress within ${count(spec, "progressDeadlineSeconds", 600)} s`);
  const wanted = count(spec, "replicas", 1);
  const updated = count(status, "updatedReplicas");
  const available = count(status, "availableReplicas");
  if (updated < wanted) return waiting(`${updated} of ${wanted} pods made`);
  if (count(status, "replicas") > updated) return waiting(`${count(status, "replicas") - updated} old pods still run`);
  return available < wanted ? waiting(`${available} of ${wanted} pods available`) : ready;
}

function statefulSet(object: Properties): Readiness {
  const spec = record(object, "spec");
  const status = record(object, "status");
  if (!observed(object)) return waiting("waiting for the StatefulSet controller");
  const wanted = count(spec, "replicas", 1);
  const readyNow = count(status, "readyReplicas");
  if (record(spec, "updateStrategy").type === "OnDelete")
    return readyNow < wanted ? waiting(`${readyNow} of ${wanted} pods ready`) : ready;
  const partition = count(record(record(spec, "updateStrategy"), "rollingUpdate"), "partition");
  const updated = count(status, "updatedReplicas");
  if (updated < wanted - partition) return waiting(`${updated} of ${wanted - partition} pods updated`);
  return readyNow < wanted ? waiting(`${readyNow} of ${wanted} pods ready`) : ready;
}

function daemonSet(object: Properties): Readiness {
  const status = record(object, "status");
  if (!observed(object)) return waiting("waiting for the DaemonSet controller");
  const wanted = count(status, "desiredNumberScheduled");
  const updated =
    record(record(object, "spec"), "updateStrategy").type === "OnDelete"
      ? wanted
      : count(status, "updatedNumberScheduled");
  const available = count(status, "numberAvailable");
  return Math.min(updated, available) < wanted
    ? waiting(`${Math.min(updated, available)} of ${wanted} nodes have it`)
    : ready;
}

function job(object: Properties): Readiness {
  const spec = record(object, "spec");
  const status = record(object, "status");
  if (condition(object, "Complete").status === "True" || spec.suspend === true) return ready;
  const failure = condition(object, "Failed");
  if (failure.status === "True") return failed(text(failure, "message") || text(failure, "reason") || "the Job failed");
  const failures = count(status, "failed");
  const done = `${count(status, "succeeded")} of ${count(spec, "completions", 1)} completed`;
  return waiting(failures > 0 ? `${done}, ${failures} failed so far` : done);
}

function definition(object: Properties): Readiness {
  const names = condition(object, "NamesAccepted");
  if (names.status === "False") return failed(text(names, "message") ?? "its names are taken");
  return condition(object, "Established").status === "True"
    ? ready
    : waiting("waiting for the definition to be established");
}

function service(object: Properties): Readiness {
  if (record(object, "spec").type !== "LoadBalancer") return ready;
  const ingress = records(record(record(object, "status"), "loadBalancer"), "ingress");
  return ingress.length > 0 ? ready : waiting("waiting for the load balancer's address");
}

function pod(object: Properties): Readiness {
  const current = text(record(object, "status"), "phase") ?? "Pending";
  if (current === "Succeeded" || condition(object, "Ready").status === "True") return ready;
  return current === "Failed"
    ? failed(text(record(object, "status"), "message") ?? "the pod failed")
    : waiting(`pod is ${current}, not ready`);
}

/** A token is written into its Secret by a controller. */
function secret(object: Properties): Readiness {
  if (object.type !== "kubernetes.io/service-account-token" || text(record(object, "data"), "token")) return ready;
  return waiting("waiting for the token of its account");
}

function phase(object: Properties, good: string[], bad: string[]): Readiness {
  const current = text(record(object, "status"), "phase") ?? "Pending";
  if (good.includes(current)) return ready;
  return bad.includes(current) ? failed(`it is ${current}`) : waiting(`it is ${current}`);
}

/** Reads `condition=Type[=Status]`, `jsonpath={.path}[=value]`, or a JSON list of such, all of which must hold. */
function waitFor(object: Properties, wanted: string): Readiness {
  const parts: unknown = wanted.startsWith("[") ? JSON.parse(wanted) : [wanted];
  for (const part of Array.isArray(parts) ? parts : []) {
    const met = meets(object, String(part));
    if (met === undefined)
      return failed(
        `its annotation ${annotations.waitFor} says "${part}": write condition=Type or jsonpath={.path}=value`,
      );
    if (!met) return waiting(`waiting for ${part}`);
  }
  return ready;
}

function meets(object: Properties, wanted: string): boolean | undefined {
  const byCondition = /^condition=([^=]+)(?:=(.+))?$/.exec(wanted);
  if (byCondition)
    return (
      String(condition(object, byCondition[1]).status ?? "").toLowerCase() === (byCondition[2] ?? "True").toLowerCase()
    );
  const byPath = /^jsonpath=\{?([^}=]+)\}?(?:={1,2}(.+))?$/.exec(wanted);
  if (!byPath) return undefined;
  const keys = byPath[1].split(/[.[\]]/).filter(Boolean);
  const found = keys.reduce<unknown>(
    (value, key) => (Array.isArray(value) ? value[Number(key)] : isRecord(value) ? value[key] : undefined),
    object,
  );
  if (byPath[2] === undefined) return found !== undefined;
  return equal(String(found), byPath[2].replace(/^(['"])(.*)\1$/, "$2"));
}
