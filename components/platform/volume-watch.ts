import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { grant } from "../shared/grant";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";
import { firstAid, fullBar, type OwnedVolume } from "../shared/volumes";

export interface VolumeWatchArgs {
  readonly volume: OwnedVolume;
  /** `repository@digest` of the tools image. */
  readonly image: pulumi.Input<string>;
  /** Folder of the workflows, which has the script in `steps/` and what it imports in `lib/`. */
  readonly folder: string;
}

/** The script and every module that it imports. */
const watchModules = [
  "steps/watch_volume.py",
  ...[
    "analysis",
    "constants",
    "counted",
    "errors",
    "events",
    "inputs",
    "instant",
    "kubectl",
    "outputs",
    "step",
    "transient",
  ].map((it) => `lib/${it}.py`),
];

/**
 * Warns of a volume that is nearly full with an Event on its claim, once an hour. The kubelet knows how full it is, but
 * whoever may ask the kubelet may do far more. So a pod beside the owner's looks at the volume itself, and may create
 * Events and nothing else.
 */
export class VolumeWatch extends pulumi.ComponentResource {
  constructor(name: string, args: VolumeWatchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:VolumeWatch", name, {}, opts);
    const { volume, image, folder } = args;
    const metadata = { name: volume.watch, namespace: volume.namespace, labels: { app: volume.watch } };
    const child = { parent: this };

    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, { metadata }, child);
    const rules = [{ apiGroups: [""], resources: ["events"], verbs: ["create"] }];
    grant(name, { metadata, rules, subjects: [{ name: metadata.name, namespace: metadata.namespace }] }, child);

    const key = (module: string) => module.replace("/", "-");
    const modules = new k8s.core.v1.ConfigMap(
      `${name}-modules`,
      {
        metadata,
        data: Object.fromEntries(
          watchModules.map((module) => [key(module), readFileSync(join(folder, module), "utf8")]),
        ),
      },
      child,
    );

    const env = {
      PYTHONPATH: "/watch",
      NAMESPACE: volume.namespace,
      CLAIM: volume.claim,
      OWNER: volume.owner,
      REMEDY: firstAid(volume),
      BAR_PERCENT: String(fullBar),
    };
    new k8s.batch.v1.CronJob(
      `${name}-cron`,
      {
        metadata,
        spec: {
          schedule: "17 * * * *",
          concurrencyPolicy: "Forbid",
          startingDeadlineSeconds: 300,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 1,
          jobTemplate: {
            spec: {
              // The next hour tries again.
              backoffLimit: 0,
              activeDeadlineSeconds: 300,
              template: {
                metadata: { labels: metadata.labels },
                spec: {
                  restartPolicy: "Never",
                  serviceAccountName: account.metadata.name,
                  securityContext: restrictedPod,
                  // The volume can be mounted on one node only.
                  affinity: {
                    podAffinity: {
                      requiredDuringSchedulingIgnoredDuringExecution: [
                        {
                          labelSelector: { matchLabels: { app: volume.app } },
                          topologyKey: "kubernetes.io/hostname",
                        },
                      ],
                    },
                  },
                  containers: [
                    {
                      name: "watch",
                      image,
                      command: ["python3", "-m", "steps.watch_volume"],
                      env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
                      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                      securityContext: restrictedContainer,
                      volumeMounts: [
                        { name: "data", mountPath: "/volume", readOnly: true },
                        { name: "modules", mountPath: "/watch", readOnly: true },
                        temporaryMount,
                      ],
                    },
                  ],
                  volumes: [
                    { name: "data", persistentVolumeClaim: { claimName: volume.claim } },
                    {
                      name: "modules",
                      configMap: {
                        name: modules.metadata.name,
                        items: watchModules.map((module) => ({ key: key(module), path: module })),
                      },
                    },
                    temporaryVolume,
                  ],
                },
              },
            },
          },
        },
      },
      child,
    );
    this.registerOutputs({});
  }
}
