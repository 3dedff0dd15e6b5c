import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { grant } from "../shared/grant";
import {
  dataDriftName,
  dataDriftTemplate,
  freezeName,
  holdsAnnotation,
  notificationsName,
  notifyTemplate,
  pipelineParametersName,
  promoteTemplate,
} from "../shared/workflow-names";
import { Approvals } from "./approvals";
import { type PipelineParametersArgs, pipelineParameters } from "./pipeline-parameters";
import { SigningKeys } from "./signing-keys";
import { withSettings } from "./template-settings";
import { WorkflowAdmission } from "./workflow-admission";
import { readWorkflows } from "./workflow-files";

export interface PromotionPipelineArgs extends PipelineParametersArgs {
  /** Namespace that Argo Workflows watches. */
  readonly namespace: pulumi.Input<string>;
  /** Folder of the templates, with the Python of their steps in `steps/`, `gates/` and `lib/`, and `pictures/`. */
  readonly folder: string;
}

/** Folders of Python modules; each is a ConfigMap `pipeline-<folder>`, mounted at `/pipeline/<folder>`. */
const moduleFolders = ["steps", "gates", "lib"] as const;

/** Which templates each workflow starts; the others start none. */
export const allowedChildTemplates: Record<string, string[]> = {
  "train-model": ["build-container-image"],
  "build-container-image": ["deploy-container-image", "test-staging", "revert-staging"],
  "test-staging": [promoteTemplate, "revert-staging"],
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

    const [steps, gates, lib] = moduleFolders.map(
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
    const modules = [steps, gates, lib];
    const signingKeys = new SigningKeys(
      `${name}-signing-keys`,
      { namespace: args.namespace, image: args.images.tools, folder: args.folder, modules: { steps, lib } },
      child,
    );
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
      // The modules read settings of an earlier release, and those of an earlier release cannot read these.
      { ...child, dependsOn: modules },
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
      const { apiVersion, kind, metadata, spec } = withSettings(
        manifest,
        args.settings,
        Object.keys(args.promotionPath),
      );
      new k8s.apiextensions.CustomResource(
        `${name}-${metadata.name}`,
        { apiVersion, kind, metadata: { ...metadata, namespace: args.namespace }, spec },
        { ...child, dependsOn: [parameters, ...modules, pictures, signingKeys] },
      );
    }
    new WorkflowAdmission(
      `${name}-admission`,
      {
        namespace: args.namespace,
        folder: args.folder,
        accounts: this.templates,
        allowedChildTemplates,
        environments: Object.keys(args.promotionPath),
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
