import * as pulumi from "@pulumi/pulumi";
import type { PipelineSettings } from "../../config";
import type { Manifest } from "../platform/release-manifests";
import { grant } from "../shared/grant";
import { ownedVolumes } from "../shared/volumes";
import { argoCdNamespace, notifyTemplate, workflowNamespace } from "../shared/workflow-names";

type Receivers = PipelineSettings["notifications"];

/** Where the pipeline creates the Events that receivers are told of: beside the Applications and the volumes. */
const eventNamespaces = [
  ...new Set([argoCdNamespace, ...Object.values(ownedVolumes).map(({ namespace }) => namespace)]),
];

/** Where `notify` reads Events: nowhere without a receiver. */
const readNamespaces = (receivers: Receivers): string[] => (Object.keys(receivers).length > 0 ? eventNamespaces : []);

export interface NotificationsArgs {
  readonly receivers: Receivers;
}

/** Lets `notify` create Events on the Applications, and read those that the receivers are told of. */
export class Notifications extends pulumi.ComponentResource {
  constructor(name: string, { receivers }: NotificationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:Notifications", name, {}, opts);
    const reads = readNamespaces(receivers);
    for (const namespace of new Set([argoCdNamespace, ...reads])) {
      const verbs = [
        ...(namespace === argoCdNamespace ? ["create"] : []),
        ...(reads.includes(namespace) ? ["list"] : []),
      ];
      grant(
        `${name}-events-${namespace}`,
        {
          metadata: { name: notifyTemplate, namespace },
          rules: [{ apiGroups: [""], resources: ["events"], verbs }],
          subjects: [{ name: notifyTemplate, namespace: workflowNamespace }],
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}

/** Who is told of what, as `receivers` in workflows/lib/inputs.py reads it: without the Secrets. */
export function notificationsParameter(receivers: Receivers): string {
  const told = Object.entries(receivers).map(([name, { format, triggers }]) => [name, { format, triggers }]);
  return JSON.stringify({ receivers: Object.fromEntries(told), namespaces: readNamespaces(receivers) });
}

/**
 * The template `notify` with the Secrets of the receivers as files. One that is missing keeps no pod from starting: the
 * step says so.
 */
export function withReceivers(template: Manifest, receivers: Receivers): Manifest {
  const volumes = Object.entries(receivers).map(([name, { secret }]) => ({
    name: `receiver-${name}`,
    secret: {
      secretName: secret,
      items: ["url", "signing-key"].map((key) => ({ key, path: key })),
      defaultMode: 0o440,
      optional: true,
    },
  }));
  if (volumes.length === 0) return template;
  const volumeMounts = Object.keys(receivers).map((name) => ({
    name: `receiver-${name}`,
    mountPath: `/receivers/${name}`,
    readOnly: true,
  }));
  const templates = template.spec.templates.map((one: { container?: object }) =>
    one.container ? { ...one, container: { ...one.container, volumeMounts } } : one,
  );
  return { ...template, spec: { ...template.spec, volumes: [...template.spec.volumes, ...volumes], templates } };
}
