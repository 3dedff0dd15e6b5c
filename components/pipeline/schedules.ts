import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PipelineSettings } from "../../config";
import type { Manifest } from "../platform/release-manifests";
import { readWorkflows } from "./workflow-files";

export interface SchedulesArgs {
  readonly settings: Pick<PipelineSettings, "cron" | "notifications" | "dataDrift">;
  /** Whether users come in at a gateway, so that somebody must watch canary. */
  readonly hasGateway: boolean;
  /** Namespace that Argo Workflows watches. */
  readonly namespace: pulumi.Input<string>;
  /** Folder of the CronWorkflows. */
  readonly folder: string;
  /** Component that held the CronWorkflows before they had one of their own. */
  readonly formerParent: pulumi.Resource;
}

/**
 * The CronWorkflows. They run as soon as they exist, so they must depend on everything that their steps use: the
 * templates with their accounts, MLflow, and the environments with the rights on them.
 */
export class Schedules extends pulumi.ComponentResource {
  constructor(name: string, args: SchedulesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:Schedules", name, {}, opts);
    const needed: Record<string, boolean> = {
      "cron-shift-traffic": args.hasGateway,
      "cron-watch-data-drift": args.settings.dataDrift !== undefined,
    };
    const schedules = readWorkflows(args.folder).filter(
      ({ kind, metadata }) => kind === "CronWorkflow" && (needed[metadata.name] ?? true),
    );
    for (const manifest of schedules) {
      const { apiVersion, kind, metadata, spec } = withSettings(manifest, args);
      new k8s.apiextensions.CustomResource(
        `pipeline-${metadata.name}`,
        { apiVersion, kind, metadata: { ...metadata, namespace: args.namespace }, spec },
        { parent: this, aliases: [{ parent: args.formerParent }] },
      );
    }
    this.registerOutputs({});
  }
}

/** The stack decides when to train, and people who are told by webhook do not wait. All else is in the files. */
function withSettings(manifest: Manifest, { settings }: SchedulesArgs): Manifest {
  const { schedule, timezone, suspended } = settings.cron;
  const hasReceivers = Object.keys(settings.notifications).length > 0;
  const changes: Record<string, object> = {
    "cron-train": { schedules: [schedule], timezone, suspend: suspended },
    ...(hasReceivers && { "cron-notify": { schedules: ["* * * * *"] } }),
  };
  return { ...manifest, spec: { ...manifest.spec, ...changes[manifest.metadata.name] } };
}
