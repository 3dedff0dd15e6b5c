/** Objects between Pulumi's state and the API: names, manifests, outputs. */
import { createHash } from "node:crypto";
import { annotation, annotations } from "./kube-ready";
import { secret } from "./protocol";
import { equal, isRecord, isUnknown, type Properties, record, records, text, unknown } from "./values";

/** Output property that keeps the name under which a resource's fields are owned. */
export const managerKey = "__fieldManager";

/** The field manager of one resource: its own, so that an object tells who made it. */
export const managerOf = (urn: string): string =>
  `pulumi-kubernetes-${createHash("sha256").update(urn).digest("hex").slice(0, 8)}`;

/** True where the resource's own earlier create, cut short before it was recorded, made the object. */
export const madeBy = (object: Properties, manager: string): boolean =>
  records(record(object, "metadata"), "managedFields").some((each) => each.manager === manager);

/** Pulumi's ID of an object: `namespace/name`, or `name`. */
export const idOf = (object: Properties): string =>
  [record(object, "metadata").namespace, record(object, "metadata").name].filter(Boolean).join("/");

/** The namespace (or undefined) and name in an ID. */
export function parseId(id: string): { namespace?: string; name: string } {
  const [first, second] = id.split("/");
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

/** `kubernetes:apps/v1:Deployment` → `apps/v1`, `Deployment`; the core group is written `core/v1` there. */
export function typeParts(type: string): { apiVersion: string; kind: string } {
  const [, apiVersion = "", kind = ""] = type.split(":");
  return { apiVersion: apiVersion.replace(/^core\//, ""), kind };
}

/** True while an object is being deleted. */
export const isTerminating = (object: Properties): boolean =>
  record(object, "metadata").deletionTimestamp !== undefined;

/** The properties of these names that are there. */
export const pick = (from: Properties, ...keys: string[]): Properties =>
  Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));

/**
 * Gives an object without a name one: the resource's, with a random ending so that a replacement can stand
 * beside it. An object that was given its name so keeps it.
 */
export function withName(inputs: Properties, olds: Properties, resourceName: string, seed: Uint8Array): Properties {
  const metadata = inputs.metadata ?? {};
  if (!isRecord(metadata) || metadata.name !== undefined || metadata.generateName !== undefined) return inputs;
  if (isUnknown(metadata.annotations)) return inputs;
  const kept = annotation(olds, annotations.autonamed) === "true" ? text(record(olds, "metadata"), "name") : undefined;
  const name = kept ?? `${resourceName}-${createHash("sha256").update(seed).digest("hex").slice(0, 8)}`;
  return {
    ...inputs,
    metadata: {
      ...metadata,
      name,
      annotations: { ...record(metadata, "annotations"), [annotations.autonamed]: "true" },
    },
  };
}

/** What is applied: the inputs without what only the server writes. */
export function manifest(inputs: Properties, namespace: string | undefined): Properties {
  const { status: _, [managerKey]: __, stringData, ...object } = inputs;
  const { creationTimestamp: ___, ...metadata } = record(object, "metadata");
  object.metadata = { ...metadata, ...(namespace !== undefined && { namespace }) };
  // The server only ever adds what `stringData` holds to `data`: a key that is dropped would stay there.
  if (object.kind === "Secret" && isRecord(stringData)) {
    const encoded = Object.entries(stringData).map(([key, value]) => [
      key,
      Buffer.from(String(value)).toString("base64"),
    ]);
    object.data = { ...record(object, "data"), ...Object.fromEntries(encoded) };
  }
  return object;
}

/** What is recorded: the object as it is on the cluster, less the bookkeeping of its fields. */
export function outputs(live: Properties, manager: string): Properties {
  const { managedFields: _, ...metadata } = record(live, "metadata");
  const recorded: Properties = { ...live, metadata, [managerKey]: manager };
  if (live.kind === "Secret" && live.data !== undefined) recorded.data = secret(live.data);
  return recorded;
}

/** What a preview answers: the dry run's outcome (or, without one, the inputs), with what the server makes up unknown. */
export function expected(inputs: Properties, dryRun: Properties | undefined, id?: string): Properties {
  const { managedFields: _, ...metadata } = record(dryRun ?? inputs, "metadata");
  const made = id
    ? ["resourceVersion", "generation"]
    : ["uid", "creationTimestamp", "resourceVersion", "generation", ...(dryRun ? [] : ["namespace"])];
  for (const key of made) if (record(inputs, "metadata")[key] === undefined) metadata[key] = unknown;
  const object: Properties = { ...(dryRun ?? inputs), metadata, status: id ? (dryRun?.status ?? unknown) : unknown };
  if (object.kind === "Service" && !id) {
    object.spec = {
      clusterIP: unknown,
      clusterIPs: unknown,
      ...record(object, "spec"),
      ...(dryRun && pickUnset(record(inputs, "spec"), "clusterIP", "clusterIPs")),
    };
  }
  return object.kind === "Secret" && object.data !== undefined ? { ...object, data: secret(object.data) } : object;
}

const pickUnset = (from: Properties, ...keys: string[]): Properties =>
  Object.fromEntries(keys.filter((key) => from[key] === undefined).map((key) => [key, unknown]));

/**
 * The inputs as a refresh finds them: what was declared, but with the cluster's value wherever that differs
 * from what applying the inputs again would give.
 * @param applied the outcome of applying the inputs again as a dry run; empty where that failed.
 */
export function refreshedInputs(inputs: unknown, live: unknown, applied: unknown): unknown {
  if (equal(live, applied)) return inputs;
  if (isRecord(inputs) && isRecord(live)) {
    const entries = Object.entries(inputs).map(([key, value]) => [
      key,
      refreshedInputs(value, live[key], isRecord(applied) ? applied[key] : undefined),
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (Array.isArray(inputs) && Array.isArray(live) && inputs.length === live.length) {
    return inputs.map((value, index) =>
      refreshedInputs(value, live[index], Array.isArray(applied) ? applied[index] : undefined),
    );
  }
  return live;
}

/** The inputs of an object that is imported or looked up: all that the server didn't write itself. */
export function importedInputs(live: Properties): Properties {
  const { status: _, ...object } = live;
  const {
    managedFields: __,
    uid: ___,
    resourceVersion,
    generation,
    creationTimestamp,
    selfLink,
    ...metadata
  } = record(live, "metadata");
  void [resourceVersion, generation, creationTimestamp, selfLink];
  return { ...object, metadata };
}
