import { bundledObjects } from "./bundle";
import { type KubernetesObject, type Resource, titleOf } from "./resource";

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: string[];
  readonly args?: string[];
  readonly env?: { name: string; value?: string }[];
  readonly resources?: { limits?: { memory?: string } };
  readonly ports?: { hostPort?: number }[];
  readonly volumeMounts?: { name: string; readOnly?: boolean }[];
  readonly securityContext?: {
    privileged?: boolean;
    capabilities?: { add?: string[] };
    windowsOptions?: { hostProcess?: boolean };
  };
}

/** A pod that results from a resource: the resource itself, or of a workload, a bundle or a workflow template. */
export interface Pod {
  /** Its name in messages. */
  readonly title: string;
  /** Environment whose bundle contains it. */
  readonly environment?: string;
  readonly spec: PodSpec;
  /** All of its containers, including init containers and sidecars. */
  readonly containers: Container[];
  /** Its input parameters, if it is the pod of a workflow template. */
  readonly parameters?: Parameter[];
}

/** A workflow's parameter; `{{inputs.parameters.<name>}}` stands for its value. */
export interface Parameter {
  readonly name: string;
  readonly valueFrom?: { configMapKeyRef?: { name: string; key: string } };
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly volumes?: { name: string; hostPath?: { path: string } }[];
  readonly securityContext?: { windowsOptions?: { hostProcess?: boolean } };
  readonly initContainers?: Container[];
  readonly containers?: Container[];
  readonly ephemeralContainers?: Container[];
}

const workloads = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"];
const workflows = ["WorkflowTemplate", "ClusterWorkflowTemplate", "Workflow", "CronWorkflow"];

/** Kinds that hold no pods that these policies miss. */
const judged = ["Pod", "PodTemplate", "CronJob", "ConfigMap", "Secret", "CustomResourceDefinition", ...workloads];
export const isWorkflow = (kind: string): boolean => workflows.includes(kind);
export const isJudged = (kind: string): boolean => judged.includes(kind);

/** All pods that result from a resource. */
export function podsOf(resource: Resource): Pod[] {
  const { object } = resource;
  if (workflows.includes(object.kind)) return workflowPods(titleOf(resource), object.spec.workflowSpec ?? object.spec);
  if (object.kind === "ConfigMap")
    return bundledObjects(resource).flatMap(({ title, environment, object: inner }) => pod(title, inner, environment));
  return pod(titleOf(resource), object);
}

function pod(title: string, object: KubernetesObject, environment?: string): Pod[] {
  const spec = podSpec(object);
  if (!spec) return [];
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  return [{ title, environment, spec, containers: [...initContainers, ...containers, ...ephemeralContainers] }];
}

function podSpec({ kind, spec, template }: KubernetesObject): PodSpec | undefined {
  if (kind === "Pod") return spec;
  if (kind === "PodTemplate") return template?.spec;
  if (kind === "CronJob") return spec?.jobTemplate?.spec?.template?.spec;
  return workloads.includes(kind) ? spec?.template?.spec : undefined;
}

interface WorkflowSpec extends PodSpec {
  readonly templates?: Template[];
  readonly templateDefaults?: Template;
}

interface Template extends PodSpec {
  readonly name?: string;
  readonly inputs?: { parameters?: Parameter[] };
  readonly container?: Container;
  readonly script?: Container;
  readonly containerSet?: { containers: Container[] };
  readonly sidecars?: Container[];
}

function workflowPods(title: string, { templates = [], templateDefaults = {}, ...spec }: WorkflowSpec): Pod[] {
  return templates.map((template) => {
    const main = template.container && {
      ...withDefaults(template.container, templateDefaults.container),
      name: "main",
    };
    const script = template.script && { ...withDefaults(template.script, templateDefaults.script), name: "main" };
    const others = [
      ...(template.containerSet?.containers ?? []),
      ...(template.initContainers ?? []),
      ...(template.sidecars ?? []),
    ];
    return {
      title: `${title}, template ${template.name},`,
      spec: { ...spec, volumes: [...(spec.volumes ?? []), ...(template.volumes ?? [])] },
      containers: [main, script, ...others].filter((container) => container !== undefined),
      parameters: template.inputs?.parameters,
    };
  });
}

/** Applies `templateDefaults` as the workflow controller does. */
function withDefaults(container: Container, defaults: Partial<Container> = {}): Container {
  const limits = { ...defaults.resources?.limits, ...container.resources?.limits };
  const securityContext = { ...defaults.securityContext, ...container.securityContext };
  return {
    ...defaults,
    ...container,
    env: [...(defaults.env ?? []), ...(container.env ?? [])],
    resources: { limits },
    securityContext,
  };
}
