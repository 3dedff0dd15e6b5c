import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PipelineSettings } from "../../config";
import type { Backend } from "../../config/promotion-path";
import type { BuiltImageKey } from "../../images/catalogue";
import type { Manifest } from "../platform/release-manifests";
import { grant } from "../shared/grant";
import {
  dataDriftName,
  dataDriftTemplate,
  freezeName,
  holdsAnnotation,
  notificationsName,
  notifyTemplate,
  pipelineParametersName,
} from "../shared/workflow-names";
import { Approvals } from "./approvals";
import { notificationsParameter, withReceivers } from "./notifications";
import { WorkflowAdmission } from "./workflow-admission";
import { readWorkflows } from "./workflow-files";

/** Images that the pipeline runs, and the board's, of which it collects old ones. */
type PipelineImages = Readonly<Record<Exclude<BuiltImageKey, "board">, pulumi.Input<string>>> & {
  /** None in a stack without a board. */
  readonly board?: pulumi.Input<string>;
};

export interface PromotionPipelineArgs {
  readonly settings: PipelineSettings;
  /** `repository@digest` of each. */
  readonly images: PipelineImages;
  /** URL at which the workflows reach each environment, by its name, in the order of promotion. */
  readonly environmentUrls: Record<string, string>;
  /** Names of the environments whose pods are on another cluster. */
  readonly remoteEnvironments: string[];
  /** The two Services that the gateway splits users between; none without a gateway. */
  readonly backends?: Readonly<Record<"production" | "canary", Backend>>;
  /** URL of the Prometheus that has the app's figures; none without one. */
  readonly prometheusUrl?: string;
  /** MLflow's tracking URI. */
  readonly trackingUri: string;
  /** Namespace that Argo Workflows watches. */
  readonly namespace: pulumi.Input<string>;
  /** Folder of the templates, with the Python of their steps in `steps/`, `gates/` and `lib/`, and `pictures/`. */
  readonly folder: string;
}

const promoteTemplate = "promote-model";

/** Folders of Python modules; each is a ConfigMap `pipeline-<folder>`, mounted at `/pipeline/<folder>`. */
const moduleFolders = ["steps", "gates", "lib"];

/** Which templates each workflow starts; the others start none. */
export const allowedChildTemplates: Record<string, string[]> = {
  "train-model": ["build-container-image"],
  "build-container-image": ["deploy-container-image", "test-staging", "revert-staging"],
  "test-staging": ["promote-model", "revert-staging"],
  [dataDriftTemplate]: ["train-model"],
};

const argo = (resources: string[], verbs: string[]): k8s.types.input.rbac.v1.PolicyRule => ({
  apiGroups: ["argoproj.io"],
  resources,
  verbs,
});

/** The rights of one workflow in its own namespace. What it may do to an environment, that environment grants. */
function workflowRules(template: string): k8s.types.input.rbac.v1.PolicyRule[] {
  const report = argo(["workflowtaskresults"], ["create", "patch"]);
  // Each asks who started it, and whether the lock is still held for it.
  const workflows = argo(["workflows"], allowedChildTemplates[template] ? ["create", "get", "list", "watch"] : ["get"]);
  const freeze = { apiGroups: [""], resources: ["configmaps"], resourceNames: [freezeName], verbs: ["get"] };
  // A collection leaves alone what an unfinished Workflow names.
  const unfinished = argo(["workflows"], ["get", "list"]);
  if (template === "collect-old-versions") return [report, unfinished];
  if (template === notifyTemplate) return [report, argo(["workflows"], ["list"]), freeze, ...notifyRules];
  if (template === dataDriftTemplate) return [report, workflows, dataDriftState];
  if (template === promoteTemplate) return [report, workflows, freeze, ...approvalRules];
  return template === "shift-traffic" ? [report, workflows, freeze] : [report, workflows];
}

/** What `watch-data-drift` has seen lately. */
const dataDriftState: k8s.types.input.rbac.v1.PolicyRule = {
  apiGroups: [""],
  resources: ["configmaps"],
  resourceNames: [dataDriftName],
  verbs: ["get", "patch"],
};

/** `promote-model` asks people, and says what has become of it. */
const approvalRules: k8s.types.input.rbac.v1.PolicyRule[] = [
  { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: ["create", "get", "list", "watch"] },
  { apiGroups: ["gourmetgram.io"], resources: ["approvals/status"], verbs: ["get", "patch"] },
];

/** `notify` keeps what the receivers have not got, and reports on it what goes wrong. */
const notifyRules: k8s.types.input.rbac.v1.PolicyRule[] = [
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [notificationsName], verbs: ["get", "patch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
  { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: ["list"] },
];

/**
 * Every workflow template with its scripts and parameters. Each workflow acts under a ServiceAccount of its
 * own, which has the template's name.
 */
export class PromotionPipeline extends pulumi.ComponentResource {
  /** Names of the templates, sorted. */
  readonly templates: string[];

  constructor(name: string, args: PromotionPipelineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:PromotionPipeline", name, {}, opts);
    const child = { parent: this };
    const manifests = readWorkflows(args.folder).filter(({ kind }) => kind === "WorkflowTemplate");
    this.templates = manifests.map(({ metadata }) => metadata.name).sort();

    const parameters = new k8s.core.v1.ConfigMap(
      `${name}-parameters`,
      {
        metadata: {
          name: pipelineParametersName,
          namespace: args.namespace,
          labels: { "workflows.argoproj.io/configmap-type": "Parameter" },
        },
        data: pipelineParameters(args),
      },
      child,
    );
    const modules = moduleFolders.map(
      (folder) =>
        new k8s.core.v1.ConfigMap(
          `${name}-${folder}`,
          {
            metadata: { name: `pipeline-${folder}`, namespace: args.namespace },
            data: readModules(join(args.folder, folder)),
          },
          child,
        ),
    );

    const pictures = new k8s.core.v1.ConfigMap(
      `${name}-pictures`,
      {
        metadata: { name: "pipeline-pictures", namespace: args.namespace },
        binaryData: readPictures(join(args.folder, "pictures")),
      },
      child,
    );

    // What the pipeline or a person writes to them is not the program's.
    for (const [key, configMap, holds] of [
      ["freeze", freezeName, "the freeze of promotions"],
      ["notifications", notificationsName, "the notifications that a receiver has not got yet"],
    ])
      new k8s.core.v1.ConfigMap(
        `${name}-${key}`,
        { metadata: { name: configMap, namespace: args.namespace, annotations: { [holdsAnnotation]: holds } } },
        child,
      );
    // If it is lost, the watch begins anew.
    new k8s.core.v1.ConfigMap(
      `${name}-data-drift`,
      { metadata: { name: dataDriftName, namespace: args.namespace } },
      child,
    );

    for (const template of this.templates) this.account(name, template, args.namespace);
    for (const manifest of manifests) {
      const { apiVersion, kind, metadata, spec } = withSettings(manifest, args);
      new k8s.apiextensions.CustomResource(
        `${name}-${metadata.name}`,
        { apiVersion, kind, metadata: { ...metadata, namespace: args.namespace }, spec },
        { ...child, dependsOn: [parameters, ...modules, pictures] },
      );
    }
    new WorkflowAdmission(
      `${name}-admission`,
      {
        namespace: args.namespace,
        folder: args.folder,
        accounts: this.templates,
        allowedChildTemplates,
        environments: Object.keys(args.environmentUrls),
        approvedEnvironments: Object.keys(args.settings.approval),
      },
      child,
    );
    new Approvals(
      `${name}-approvals`,
      { approval: args.settings.approval, namespace: args.namespace, folder: args.folder },
      child,
    );
    this.registerOutputs({ templates: this.templates });
  }

  private account(name: string, template: string, namespace: pulumi.Input<string>) {
    const metadata = { name: template, namespace };
    const child = { parent: this };
    new k8s.core.v1.ServiceAccount(`${name}-${template}-account`, { metadata }, child);
    grant(
      `${name}-${template}`,
      { metadata, rules: workflowRules(template), subjects: [{ name: template, namespace }] },
      child,
    );
  }
}

/** The stack's settings under the names that the templates read. */
function pipelineParameters(
  args: Omit<PromotionPipelineArgs, "namespace" | "folder">,
): Record<string, pulumi.Input<string>> {
  const { settings } = args;
  const { app, train, tools, board } = args.images;
  return {
    "app-base-image": app,
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
    "data-drift": dataDriftParameter(settings.dataDrift, Object.keys(args.environmentUrls)),
    "mlflow-uri": args.trackingUri,
    ...(args.prometheusUrl && { "prometheus-url": args.prometheusUrl }),
    traffic: args.backends ? trafficParameter(args.backends, settings.canary) : "",
    environments: JSON.stringify(args.environmentUrls),
    "remote-environments": JSON.stringify(args.remoteEnvironments),
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
  backends: NonNullable<PromotionPipelineArgs["backends"]>,
  { steps, stepMinutes, mirrorRequests, analysis }: PipelineSettings["canary"],
): string {
  return JSON.stringify({ ...backends, steps, pauseSeconds: 60 * stepMinutes, mirror: mirrorRequests, analysis });
}

/** How data drift is watched for, as `data_drift` in workflows/lib/inputs.py reads it. */
function dataDriftParameter(dataDrift: PipelineSettings["dataDrift"], environments: string[]): string {
  if (!dataDrift) return "";
  const { bar, minimumAnswers, cooldownHours } = dataDrift;
  return JSON.stringify({
    environment: environments.at(-1),
    bar,
    minimumAnswers,
    cooldownSeconds: 3600 * cooldownHours,
  });
}

/** The stack decides between which environments to promote, and who is told. All else is in the workflows' files. */
function withSettings(
  manifest: Manifest,
  { environmentUrls, settings }: Pick<PromotionPipelineArgs, "environmentUrls" | "settings">,
): Manifest {
  if (manifest.metadata.name === notifyTemplate) return withReceivers(manifest, settings.notifications);
  if (manifest.metadata.name !== promoteTemplate) return manifest;
  return withApproval(withPromotions(manifest, Object.keys(environmentUrls)), settings.approval);
}

/** Each environment promotes to the next one. The default of a promotion by hand is the last of these steps. */
function withPromotions(manifest: Manifest, environments: string[]): Manifest {
  if (environments.length < 2) return manifest;
  const choices: Record<string, string[]> = {
    "source-environment": environments.slice(0, -1),
    "target-environment": environments.slice(1),
  };
  const parameters = manifest.spec.arguments.parameters.map((parameter: { name: string }) => {
    const names = choices[parameter.name];
    return names ? { ...parameter, enum: names, value: names.at(-1) } : parameter;
  });
  return { ...manifest, spec: { ...manifest.spec, arguments: { ...manifest.spec.arguments, parameters } } };
}

/** A promotion to these environments asks people first, and has the time to wait for them. */
function withApproval(manifest: Manifest, approval: PipelineSettings["approval"]): Manifest {
  const targets = Object.keys(approval).sort();
  if (targets.length === 0) return manifest;
  const when = targets.map((name) => `'{{inputs.parameters.target-environment}}' == '${name}'`).join(" || ");
  const longest = 3600 * Math.max(...Object.values(approval).map(({ expiryHours }) => expiryHours));
  const templates: Manifest["spec"][] = manifest.spec.templates;
  return {
    ...manifest,
    spec: {
      ...manifest.spec,
      activeDeadlineSeconds: manifest.spec.activeDeadlineSeconds + longest,
      templates: templates.map((template) => {
        if (template.name === "main") return { ...template, steps: asksFirst(template.steps, when) };
        return template.name === askTemplate ? withTime(template, longest) : template;
      }),
    },
  };
}

const askTemplate = "ask-approval";

const asksFirst = (steps: { name: string }[][], when: string) =>
  steps.map((group) => group.map((step) => (step.name === askTemplate ? { ...step, when } : step)));

/** The template with more time, also for its retries. */
function withTime(template: Manifest["spec"], seconds: number): Manifest["spec"] {
  const activeDeadlineSeconds = template.activeDeadlineSeconds + seconds;
  const { retryStrategy } = template;
  const backoff = { ...retryStrategy.backoff, maxDuration: `${activeDeadlineSeconds}s` };
  return { ...template, activeDeadlineSeconds, retryStrategy: { ...retryStrategy, backoff } };
}

function readModules(folder: string): Record<string, string> {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".py"))
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

/** The pictures that the analysis of canary sends, in Base64. */
function readPictures(folder: string): Record<string, string> {
  const files = readdirSync(folder).sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "base64")]));
}
