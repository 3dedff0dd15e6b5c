import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../../lib/paths";
import { apply, kubectl } from "./kubectl";
import { firstNode } from "./nodes";

/** Number of volumes. A claim takes a whole one. */
export const volumeCount = 8;

const volumeNames = Array.from({ length: volumeCount }, (_, index) => `local-${index}`);

/** The fields of a volume that are read. */
export interface VolumeState {
  metadata: { name: string };
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

/** Creates the StorageClass `local` and its volumes. A volume whose claim was deleted is emptied and made again. */
export async function ensureVolumes(): Promise<void> {
  const list = JSON.parse(await kubectl("get", "persistentvolumes", "-o", "json")) as { items: VolumeState[] };
  const names = volumesToMake(list.items);
  const used = names.filter((name) => list.items.some(({ metadata }) => metadata.name === name));
  if (used.length > 0) await kubectl("delete", "persistentvolume", ...used);
  for (const name of names) {
    rmSync(volumeDir(name), { recursive: true, force: true });
    mkdirSync(volumeDir(name), { recursive: true });
    chmodSync(volumeDir(name), 0o770);
  }
  await apply([storageClass, ...names.map(persistentVolume)]);
}

const volumeDir = (name: string) => join(stateDir(), "volumes", name);

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
