import { dataDriftPath } from "../../client/data-drift";
import { type Parameters, parametersPath, readParameters } from "../../client/environments";
import { freezePath } from "../../client/freeze";
import { type Application, podsPath, readApplications, servicePath } from "../../client/pipeline-status";
import { routePath } from "../../client/traffic-split";
import { type Workflow, type WorkflowNode, workflowsPath } from "../../client/workflows";
import { mlflowNamespace } from "../../components/shared/mlflow-address";
import { applicationsPath, approvalsPath } from "../../components/shared/workflow-names";
import { ApiError, Cluster, type Request } from "../../lib/kube-client";
import type { InCluster } from "./in-cluster";
import { KeptAnswers } from "./kept-answers";
import { type KubeObject, usualTiming, Watch, type WatchTiming } from "./watch";

/** What MLflow says is kept up to so many characters. */
const mlflowCapacity = 16_000_000;
type ServiceAnswer = Awaited<ReturnType<Cluster["service"]>>;

/**
 * The cluster as its watches see it: what the board reads again and again is answered from memory, everything else by
 * the API server. What MLflow says is kept until somebody may have written there: a step of a Workflow begins or ends,
 * or a person freezes promotions or responds to a request.
 */
export class WatchedCluster extends Cluster {
  private readonly watches = new Map<string, Watch>();
  private readonly mlflowAnswers = new KeptAnswers<ServiceAnswer>(mlflowCapacity, ({ status }) => status === 200);
  private progress = "";
  /** What people have done to the objects of a path. */
  private readonly deeds = new Map<string, string>();
  private deedsOnRecordAt: Date | null = null;
  private recordTimer: NodeJS.Timeout | undefined;
  private isStopped = false;

  /** @param changed called after each change of what is watched */
  constructor(
    private readonly direct: InCluster,
    private readonly changed: () => void,
    private readonly timing: WatchTiming = usualTiming,
  ) {
    super(() => direct.config());
    this.watch(parametersPath, () => void this.watchWhatTheStackHas());
    for (const path of [freezePath, approvalsPath]) this.watch(path, () => this.followPeople(path));
    this.watch(applicationsPath, () => void this.watchEnvironments());
    this.watch(workflowsPath, () => this.followProgress(), workflowSummary);
  }

  override async api<T>(path: string, request: Request = {}): Promise<T> {
    const watch = request.method === undefined ? this.watches.get(path) : undefined;
    if (!watch) return this.direct.api(path, request);
    await watch.isTried;
    const items = watch.items();
    const name = nameIn(path);
    if (name === undefined) return { items: [...items] } as T;
    const [found] = items;
    if (!found) throw new ApiError(404, `${name} not found`);
    return found as T;
  }

  override async service(
    namespace: string,
    service: string,
    port: number,
    path: string,
    request: Request = {},
  ): Promise<ServiceAnswer> {
    const ask = () => this.direct.service(namespace, service, port, path, request);
    const isQuestion = request.method === undefined || path.endsWith("/search");
    if (namespace !== mlflowNamespace || !isQuestion) return ask();
    await this.watches.get(workflowsPath)!.isTried;
    return this.mlflowAnswers.get(JSON.stringify([path, request.body]), ask);
  }

  /** What may be older than it looks, in one sentence each. */
  problems(): string[] {
    return [...this.watches].flatMap(([path, { problem }]) =>
      problem && !isAbsent(problem) ? [`The cluster does not tell of ${titleOf(path)}: ${problem.message}.`] : [],
    );
  }

  /** Asks MLflow anew. */
  forgetModels(): void {
    this.mlflowAnswers.forget();
  }

  /** When what people do may last have come to stand in the record; null before the board has seen it. */
  get recordAt(): Date | null {
    return this.deedsOnRecordAt;
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.recordTimer);
    for (const watch of this.watches.values()) watch.stop();
  }

  private watch(path: string, changed: () => void, keep = withoutFieldOwners): void {
    if (this.watches.has(path) || this.isStopped) return;
    this.watches.set(path, new Watch(this.direct, listOf(path), changed, keep, this.timing));
  }

  /** What a stack may leave out. Without a gateway there is no route, and no right to ask for one. */
  private async watchWhatTheStackHas(): Promise<void> {
    const { traffic, "data-drift": dataDrift } = await readParameters(this).catch(() => ({}) as Parameters);
    if (traffic) this.watch(routePath, this.changed);
    if (dataDrift) this.watch(dataDriftPath, this.changed);
    this.changed();
  }

  private async watchEnvironments(): Promise<void> {
    const applications: Application[] = await readApplications(this).catch(() => []);
    for (const { spec } of applications.filter(({ spec }) => !spec.destination.name)) {
      this.watch(podsPath(spec.destination.namespace), this.changed);
      this.watch(servicePath(spec.destination.namespace), this.changed);
    }
    this.changed();
  }

  private followPeople(path: string): void {
    const watch = this.watches.get(path)!;
    const deeds = watch.problem ? this.deeds.get(path) : deedsOf(watch.items());
    if (deeds !== undefined && deeds !== this.deeds.get(path)) {
      this.deeds.set(path, deeds);
      this.forgetModels();
      clearTimeout(this.recordTimer);
      this.recordTimer = setTimeout(() => this.noteRecord(), this.timing.recordDelay);
    }
    this.changed();
  }

  private noteRecord(): void {
    this.forgetModels();
    this.deedsOnRecordAt = new Date();
    this.changed();
  }

  private followProgress(): void {
    const workflows = this.watches.get(workflowsPath)!;
    const progress = workflows.problem ? this.progress : progressOf(workflows.items() as (KubeObject & Workflow)[]);
    if (progress !== this.progress) this.forgetModels();
    this.progress = progress;
    this.changed();
  }
}

/** Differs as soon as one of the objects was written. */
const deedsOf = (objects: readonly KubeObject[]): string =>
  objects
    .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
    .sort()
    .join("\n");

/** Differs as soon as a step has begun or ended. */
function progressOf(workflows: readonly Workflow[]): string {
  const states = workflows.map(({ metadata, status }) => {
    const phases = Object.values(status?.nodes ?? {}).map(({ phase }) => phase);
    return `${metadata.name} ${status?.phase} ${phases.join()}`;
  });
  return states.sort().join("\n");
}

const isAbsent = (error: Error) => error instanceof ApiError && error.status === 404;

/** Name of the one object that a path names; undefined for the path of a list. */
function nameIn(path: string): string | undefined {
  return /\/(?:configmaps|services|httproutes)\/([^/?]+)$/.exec(path)?.[1];
}

/** The list with the one object, which a role may allow by the object's name. */
function listOf(path: string): string {
  const name = nameIn(path);
  if (name === undefined) return path;
  const list = path.slice(0, path.lastIndexOf("/"));
  return `${list}?fieldSelector=metadata.name%3D${name}`;
}

const titleOf = (path: string) => path.replace(/^.*\/namespaces\//, "").replace(/\?.*$/, "");

function withoutFieldOwners(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } } as KubeObject;
}

/** What the board shows of a Workflow: without the copies of its templates and the inputs of its steps. */
function workflowSummary(object: KubeObject): KubeObject {
  const { metadata, spec, status } = object as KubeObject & Workflow;
  const { name, creationTimestamp, labels, annotations } = metadata as Workflow["metadata"];
  const { phase, message, startedAt, finishedAt, nodes = {}, outputs } = status ?? {};
  const summary = {
    metadata: { name, creationTimestamp, labels, annotations },
    spec: { workflowTemplateRef: spec.workflowTemplateRef, arguments: spec.arguments },
    status: {
      phase,
      message,
      startedAt,
      finishedAt,
      nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, nodeSummary(node)])),
      outputs,
    },
  };
  return summary satisfies Workflow;
}

const nodeSummary = ({ name, displayName, type, phase, startedAt, finishedAt, message, outputs }: WorkflowNode) => ({
  name,
  displayName,
  type,
  phase,
  startedAt,
  finishedAt,
  message,
  outputs: outputs?.parameters && { parameters: outputs.parameters },
});
