import type { types } from "@pulumi/kubernetes";

/** User and group of every container of this project. The images are built for it. */
export const nonRootId = 65532;

/** Labels of a namespace whose pods must meet the `restricted` pod security standard. */
export const restrictedNamespaceLabels = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
};

/** Pod part of the `restricted` standard. `fsGroup` makes volumes writable for the non-root user. */
export const restrictedPod = {
  runAsNonRoot: true,
  runAsUser: nonRootId,
  runAsGroup: nonRootId,
  fsGroup: nonRootId,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
} satisfies types.input.core.v1.PodSecurityContext;

/** Container part of the `restricted` standard, with a read-only root file system. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} satisfies types.input.core.v1.SecurityContext;

/** The only writable directory of a container with a read-only root file system: `/tmp`. */
export const temporaryVolume = { name: "tmp", emptyDir: {} } satisfies types.input.core.v1.Volume;
export const temporaryMount = { name: "tmp", mountPath: "/tmp" } satisfies types.input.core.v1.VolumeMount;
