import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type Grant, grant } from "./grant";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "./security";

/** A Job that makes Secrets in the cluster. */
export interface SecretJob {
  /** Of the Job, its account and its rights. */
  readonly metadata: Grant["metadata"] & { readonly labels: Record<string, string> };
  /** Names of the Secrets. */
  readonly secrets: string[];
  /** What the account may do besides reading them and creating Secrets. */
  readonly rules?: Grant["rules"];
  /** `/tmp` is writable in it, and nothing else. */
  readonly container: Pick<k8s.types.input.core.v1.Container, "name" | "image" | "command" | "resources">;
  /** Environment variables of the container. */
  readonly env: Readonly<Record<string, string>>;
  /** Folders that it reads: their paths, and the ConfigMaps that they are of. */
  readonly folders?: Readonly<Record<string, { readonly name: string; readonly configMap: pulumi.Input<string> }>>;
}

/**
 * Makes Secrets that neither the program nor Pulumi's state has, by a Job with an account of its own: the resources
 * `<name>-account`, `<name>-role`, `<name>-binding` and `<name>-job`. What is there, the Job may neither change nor
 * delete.
 * @param before what has to be there before the Job runs, beside its rights
 */
export function secretJob(
  name: string,
  { metadata, secrets, rules = [], container, env, folders = {} }: SecretJob,
  before: pulumi.Resource[],
  options: pulumi.CustomResourceOptions,
): void {
  const account = new k8s.core.v1.ServiceAccount(`${name}-account`, { metadata }, options);
  const rights = grant(
    name,
    {
      metadata,
      rules: [
        { apiGroups: [""], resources: ["secrets"], resourceNames: secrets, verbs: ["get"] },
        // RBAC compares no name of what does not exist yet.
        { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
        ...rules,
      ],
      subjects: [{ name: metadata.name, namespace: metadata.namespace }],
    },
    options,
  );
  const mounts = Object.entries(folders).map(([mountPath, folder]) => ({
    name: folder.name,
    mountPath,
    readOnly: true,
  }));
  new k8s.batch.v1.Job(
    `${name}-job`,
    {
      // A failed Job is not ready: the next update replaces it.
      metadata: { ...metadata, annotations: { "pulumi.com/replaceUnready": "true" } },
      spec: {
        backoffLimit: 3,
        activeDeadlineSeconds: 300,
        template: {
          metadata: { labels: metadata.labels },
          spec: {
            restartPolicy: "Never",
            serviceAccountName: account.metadata.name,
            securityContext: restrictedPod,
            containers: [
              {
                ...container,
                env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
                securityContext: restrictedContainer,
                volumeMounts: [temporaryMount, ...mounts],
              },
            ],
            volumes: [
              temporaryVolume,
              ...Object.values(folders).map((folder) => ({ name: folder.name, configMap: { name: folder.configMap } })),
            ],
          },
        },
      },
    },
    { ...options, dependsOn: [...rights, ...before], deleteBeforeReplace: true },
  );
}
