import type * as pulumi from "@pulumi/pulumi";
import type { PipelineSettings } from "../../config";
import { lastEnvironment, type PromotionPath, splitEnvironments } from "../../config/promotion-path";
import type { BuiltImageKey } from "../../images/catalogue";
import { inClusterUrl } from "../environments/environment-bundle";
import { mlflowAddress } from "../shared/mlflow-address";
import { notificationsParameter } from "./notifications";

/** Images that the pipeline runs, and the board's, of which it collects old ones. */
type PipelineImages = Readonly<Record<Exclude<BuiltImageKey, "board">, pulumi.Input<string>>> & {
  /** None in a stack without a board. */
  readonly board?: pulumi.Input<string>;
};

export interface PipelineParametersArgs {
  readonly settings: PipelineSettings;
  /** `repository@digest` of each. */
  readonly images: PipelineImages;
  readonly promotionPath: PromotionPath;
  /** Whether a gateway splits the users between the last two environments. */
  readonly hasGateway: boolean;
  /** Commit of the app's sources in Git; an empty string where nobody knows it. */
  readonly sourceCommit: string;
  /** URL of the Prometheus that has the app's figures; none without one. */
  readonly prometheusUrl?: string;
}

/** The stack's settings under the names that the templates read. */
export function pipelineParameters(args: PipelineParametersArgs): Record<string, pulumi.Input<string>> {
  const { settings, promotionPath } = args;
  const { app, train, tools, board } = args.images;
  const environments = Object.entries(promotionPath);
  return {
    "app-base-image": app,
    "source-commit": args.sourceCommit,
    "train-image": train,
    "tools-image": tools,
    ...(board && { "board-image": board }),
    "accuracy-bar": String(settings.accuracyBar),
    "judgement-margin": String(settings.judgement.margin),
    "judgement-class-bar": String(settings.judgement.classBar),
    "judgement-dry-run": String(settings.judgement.dryRun),
    epochs: String(settings.epochs),
    "rollout-timeout-seconds": String(settings.rolloutTimeoutSeconds),
    "minimum-soak-minutes": String(settings.minimumSoakMinutes),
    "load-requests": String(settings.load.requests),
    "load-concurrency": String(settings.load.concurrency),
    "load-min-success-percent": String(settings.load.minSuccessPercent),
    "load-max-p95-ms": String(settings.load.maxP95Ms),
    "retention-days": String(settings.retention.days),
    "retention-versions": String(settings.retention.versions),
    approval: approvalParameter(settings.approval),
    windows: windowsParameter(settings.windows),
    notifications: notificationsParameter(settings.notifications),
    "data-drift": dataDriftParameter(settings.dataDrift, promotionPath),
    "mlflow-uri": `http://${mlflowAddress}`,
    ...(args.prometheusUrl && { "prometheus-url": args.prometheusUrl }),
    analysis: JSON.stringify(settings.canary.analysis),
    traffic: args.hasGateway ? trafficParameter(promotionPath, settings.canary) : "",
    environments: JSON.stringify(
      Object.fromEntries(environments.map(([name, { port, url }]) => [name, url ?? inClusterUrl(name, port)])),
    ),
    "remote-environments": JSON.stringify(environments.flatMap(([name, { cluster }]) => (cluster ? [name] : []))),
  };
}

/** Which promotions wait for people, as `approval` in workflows/lib/inputs.py reads it. Who they are, it never asks. */
function approvalParameter(approval: PipelineSettings["approval"]): string {
  const rules = Object.entries(approval).map(([target, { minimum, expiryHours }]) => [
    target,
    { minimum, expirySeconds: 3600 * expiryHours },
  ]);
  return JSON.stringify(Object.fromEntries(rules));
}

/** When the calendar allows promotions, as `windows` in workflows/lib/inputs.py reads it. */
function windowsParameter(windows: PipelineSettings["windows"]): string {
  return JSON.stringify(
    Object.entries(windows).map(([name, { timezone, ...window }]) => ({ name, zone: timezone, ...window })),
  );
}

/** How users are split, as `traffic` in workflows/lib/inputs.py reads it. */
function trafficParameter(
  promotionPath: PromotionPath,
  { steps, stepMinutes, mirrorRequests }: PipelineSettings["canary"],
): string {
  return JSON.stringify({
    ...splitEnvironments(promotionPath),
    steps,
    pauseSeconds: 60 * stepMinutes,
    mirror: mirrorRequests,
  });
}

/** How data drift is watched for, as `data_drift` in workflows/lib/inputs.py reads it. */
function dataDriftParameter(dataDrift: PipelineSettings["dataDrift"], promotionPath: PromotionPath): string {
  if (!dataDrift) return "";
  const { bar, minimumAnswers, cooldownHours } = dataDrift;
  return JSON.stringify({
    environment: lastEnvironment(promotionPath),
    bar,
    minimumAnswers,
    cooldownSeconds: 3600 * cooldownHours,
  });
}
