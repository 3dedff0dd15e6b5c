import * as pulumi from "@pulumi/pulumi";
import { grant } from "../shared/grant";
import { argoCdNamespace, dataDriftTemplate, environmentApp, workflowNamespace } from "../shared/workflow-names";

export interface DataDriftArgs {
  /** The environment whose answers are compared. */
  readonly environment: string;
}

/** Lets `watch-data-drift` ask which version an environment serves, and report on it. */
export class DataDrift extends pulumi.ComponentResource {
  constructor(name: string, { environment }: DataDriftArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:DataDrift", name, {}, opts);
    grant(
      `${name}-release`,
      {
        metadata: { name: dataDriftTemplate, namespace: argoCdNamespace },
        rules: [
          {
            apiGroups: ["argoproj.io"],
            resources: ["applications"],
            resourceNames: [environmentApp(environment)],
            verbs: ["get"],
          },
          { apiGroups: [""], resources: ["events"], verbs: ["create"] },
        ],
        subjects: [{ name: dataDriftTemplate, namespace: workflowNamespace }],
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
