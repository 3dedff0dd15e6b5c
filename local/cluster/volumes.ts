import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../../lib/paths";
import { timestamp } from "../../lib/timestamp";
import { apply, kubectl } from "./kubectl";
import { firstNode } from "./nodes";

/** Number of volumes. A claim takes a whole one. */
export const volumeCount = 8;

const volumeNames = Array.from({ length: volumeCount }, (_, index) => `local-${index}`);

/** The fields of a volume that are read. */
export interface VolumeState {
  metadata: { name: string };
  spec?: { claimRef?: { namespace: string; name: string } };
  status?: { phase?: string };
}

/** Volumes to make: those that are missing, and those whose claim was deleted. */
export function volumesToMake(existing: VolumeState[]): string[] {
  const kept = new Set(
    existing
      .filter(({ status }) => !["Released", "Failed"].includes(status?.phase ?? ""))
      .map(({ metadata }) => metadata.name),
  );
  return volumeNames.filter((name) => !kept.has(name));
}

/**
 * Creates the StorageClass `local` and its volumes. A volume whose claim was deleted is made again, empty; what it held
 * is kept aside, since nobody has said that it may go.
 * @returns what was kept aside, a sentence each
 */
export async function ensureVolumes(): Promise<string[]> {
  const list = JSON.parse(await kubectl("get", "persistentvolumes", "-o", "json")) as { items: VolumeState[] };
  const names = volumesToMake(list.items);
  const used = names.filter((name) => list.items.some(({ metadata }) => metadata.name === name));
  if (used.length > 0) await kubectl("delete", "persistentvolume", ...used);
  const kept = names.flatMap((name) => {
    const claim = list.items.find(({ metadata }) => metadata.name === name)?.spec?.claimRef;
    return emptyVolume(volumesDir(), name, claim && `${claim.namespace}/${claim.name}`, new Date());
  });
  await apply([storageClass, ...names.map(persistentVolume)]);
  return kept;
}

/**
 * Makes the folder of a volume, empty. What it held is moved to a folder beside it.
 * @param claim `namespace/name` of the claim that had the volume, where that is known
 * @returns the sentence that says where it is now, if it held anything
 */
export function emptyVolume(volumes: string, name: string, claim: string | undefined, now: Date): string[] {
  const folder = join(volumes, name);
  const holds = existsSync(folder) && readdirSync(folder).length > 0;
  const aside = join(volumes, `kept-${name}-${timestamp(now).replace(/[-:]/g, "")}`);
  if (holds) renameSync(folder, aside);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o770);
  const what = claim ? `the volume of ${claim}` : `the volume ${name}`;
  const gone = claim ? "the claim is gone from the cluster" : "the cluster does not have it";
  return holds
    ? [`What ${what} held is kept in ${aside}: ${gone}. When you no longer need it, delete it with rm -r ${aside}`]
    : [];
}

const volumesDir = () => join(stateDir(), "volumes");
const volumeDir = (name: string) => join(volumesDir(), name);

const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "kubernetes.io/no-provisioner",
  volumeBindingMode: "WaitForFirstConsumer",
};

function persistentVolume(name: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      // Nominal: a directory has no size.
      capacity: { storage: "20Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local",
      persistentVolumeReclaimPolicy: "Retain",
      // Of type `local` and not `hostPath`, for which fsGroup does nothing.
      local: { path: volumeDir(name) },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [firstNode().name] }] },
          ],
        },
      },
    },
  };
}
