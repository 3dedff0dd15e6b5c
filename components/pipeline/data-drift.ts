import * as pulumi from "@pulumi/pulumi";
import { environmentApp } from "../environments/environment-bundle";
import { type Grant, grant } from "../shared/grant";
import { argoCdNamespace, dataDriftTemplate, workflowNamespace } from "../shared/workflow-names";

export interface DataDriftArgs {
  /** The environment whose answers are compared. */
  readonly environment: string;
}

/** Lets `watch-data-drift` find the pods of an environment, and report on it. */
export class DataDrift extends pulumi.ComponentResource {
  constructor(name: string, { environment }: DataDriftArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:DataDrift", name, {}, opts);
    const app = environmentApp(environment);
    const allow = (role: string, namespace: string, rules: Grant["rules"]) =>
      grant(
        `${name}-${role}`,
        {
          metadata: { name: dataDriftTemplate, namespace },
          rules,
          subjects: [{ name: dataDriftTemplate, namespace: workflowNamespace }],
        },
        { parent: this },
      );
    allow("pods", app, [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]);
    allow("release", argoCdNamespace, [
      { apiGroups: ["argoproj.io"], resources: ["applications"], resourceNames: [app], verbs: ["get"] },
      { apiGroups: [""], resources: ["events"], verbs: ["create"] },
    ]);
    this.registerOutputs({});
  }
}
