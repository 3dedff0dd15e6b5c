/** What the stand-in Kubernetes plugin does with a resource. */
import { load, loadAll } from "js-yaml";
import { ApiError, isNotFound, KubeClient, UnreachableError } from "./kube-client";
import { connection } from "./kube-config";
import { diffInputs, diffSettings } from "./kube-diff";
import { collectionPath, Discovery, type Kind } from "./kube-discovery";
import {
  expected,
  idOf,
  importedInputs,
  isTerminating,
  madeBy,
  managerKey,
  managerOf,
  manifest,
  outputs,
  parseId,
  pick,
  refreshedInputs,
  typeParts,
  withName,
} from "./kube-objects";
import { annotation, annotations } from "./kube-ready";
import { untilGone, untilReady } from "./kube-wait";
import { type Diff, type Failure, NotReadyError, type Provider, type State, type Target, warn } from "./protocol";
import { hasUnknowns, isRecord, type Properties, record, text } from "./values";

/** One object and where the API serves it. */
interface Place {
  kind: Kind;
  namespace: string | undefined;
  name: string;
  path: string;
}

/** Serves one `kubernetes.Provider` resource of a program. */
export class KubernetesProvider implements Provider {
  readonly version = require("@pulumi/kubernetes/package.json").version as string;
  private settings: Properties = {};
  private client?: KubeClient;
  private discovery?: Discovery;
  private readonly cancelled = new AbortController();
  /** Resources that the state already holds: what stands under their name is never taken for a lost create. */
  private readonly recorded = new Set<string>();

  async configure(settings: Properties): Promise<void> {
    this.settings = settings;
    const clientSide = settings.enableServerSideApply !== undefined && !this.flag("enableServerSideApply");
    if (clientSide || settings.renderYamlToDirectory) {
      throw new Error(
        "the stand-in Kubernetes plugin applies objects on the server only: leave enableServerSideApply and renderYamlToDirectory unset, or use the official plugin",
      );
    }
  }

  async diffConfig(olds: Properties, news: Properties): Promise<Diff> {
    return diffSettings(olds, news);
  }

  async check(
    target: Target,
    olds: Properties,
    news: Properties,
    seed: Uint8Array,
  ): Promise<{ inputs: Properties; failures: Failure[] }> {
    if (Object.keys(olds).length > 0) this.recorded.add(target.urn);
    const failures: Failure[] = [];
    for (const property of ["apiVersion", "kind"]) {
      if (!text(news, property))
        failures.push({ property, reason: `${target.type} needs it: the stand-in plugin handles single objects only` });
    }
    if (/(List|Patch)$/.test(typeParts(target.type).kind)) {
      failures.push({
        property: "kind",
        reason: `the stand-in plugin has no ${target.type}: declare each object by itself`,
      });
    }
    return { inputs: withName(news, olds, target.name, seed), failures };
  }

  async diff(target: Target, oldInputs: Properties, oldOutputs: Properties, news: Properties): Promise<Diff> {
    this.recorded.add(target.urn);
    return diffInputs(oldInputs, oldOutputs, news, {
      configMapMutable: this.flag("enableConfigMapMutable"),
      secretMutable: this.flag("enableSecretMutable"),
      defaultNamespace: this.defaultNamespace(),
    });
  }

  async create(target: Target, inputs: Properties): Promise<State> {
    const unsettled: State = { id: "", outputs: expected(inputs, undefined) };
    // The object that a replacement takes the place of is still there in a preview.
    if (target.preview && (hasUnknowns(inputs) || this.recorded.has(target.urn))) return unsettled;
    return this.explain(`${inputs.kind} ${idOf(inputs)}`, async () => {
      const place = await this.place(inputs, target.preview);
      if (!place) return unsettled;
      const manager = managerOf(target.urn);
      const existing = await this.get(place.path);
      if (existing && !(target.preview && isTerminating(existing)))
        await this.makeRoom(target, place, existing, manager);
      try {
        const live = await this.apply(place, inputs, manager, target.preview);
        return target.preview
          ? { id: "", outputs: expected(inputs, live) }
          : await this.ready(target, place, live, manager);
      } catch (error) {
        if (target.preview && isNotFound(error)) return unsettled; // Its namespace is yet to be made.
        throw error;
      }
    });
  }

  async update(target: Target, _: Properties, oldOutputs: Properties, news: Properties): Promise<State> {
    const unsettled: State = { id: target.id, outputs: expected(news, undefined, target.id) };
    if (target.preview && hasUnknowns(news)) return unsettled;
    try {
      return await this.explain(`${news.kind} ${target.id}`, async () => {
        const place = await this.place(news, target.preview, parseId(target.id).name);
        if (!place) return unsettled;
        const manager = text(oldOutputs, managerKey) ?? managerOf(target.urn);
        const live = await this.apply(place, news, manager, target.preview);
        return target.preview
          ? { id: target.id, outputs: expected(news, live, target.id) }
          : await this.ready(target, place, live, manager);
      });
    } catch (error) {
      if (target.preview && isNotFound(error)) return unsettled;
      if (!(error instanceof UnreachableError) || !this.flag("skipUpdateUnreachable")) throw error;
      warn(target.urn, `left as it is: ${error.message}`);
      return { id: target.id, outputs: oldOutputs };
    }
  }

  async read(target: Target, inputs: Properties, old: Properties): Promise<State | undefined> {
    const named = {
      ...typeParts(target.type),
      metadata: parseId(target.id),
      ...pick(old, "apiVersion", "kind"),
      ...pick(inputs, "apiVersion", "kind"),
    };
    try {
      return await this.explain(`${named.kind} ${target.id}`, async () => {
        const place = await this.place(named, true);
        const live = place && (await this.get(place.path));
        if (!place || !live) return undefined;
        const manager = text(old, managerKey) ?? managerOf(target.urn);
        const known = Object.keys(inputs).length > 0;
        // A dry run that fails tells nothing: then every declared value is read from the cluster.
        const applied = known ? await this.apply(place, inputs, manager, true, true).catch(() => ({})) : undefined;
        const found = known ? (refreshedInputs(inputs, live, applied) as Properties) : importedInputs(live);
        return { id: idOf(live), outputs: outputs(live, manager), inputs: found };
      });
    } catch (error) {
      if (!(error instanceof UnreachableError) || !this.flag("deleteUnreachable")) throw error;
      warn(target.urn, `taken for deleted: ${error.message}`);
      return undefined;
    }
  }

  async delete(target: Target, inputs: Properties, old: Properties): Promise<void> {
    const named = { ...typeParts(target.type), metadata: parseId(target.id), ...pick(old, "apiVersion", "kind") };
    try {
      await this.explain(`${named.kind} ${target.id}`, async () => {
        const place = await this.place(named, true);
        if (!place) return; // Its kind is gone, and it with it.
        const propagationPolicy = annotation(old, annotations.propagation) ?? "Foreground";
        const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy };
        const answer = await this.cluster().client.request("DELETE", place.path, { body });
        if (annotation(inputs, annotations.skip) === "true") return;
        const uid = record(answer, "metadata").uid ?? record(answer, "details").uid; // It answers with the object, or with a Status.
        const object = {
          metadata: {
            ...pick(record(old, "metadata"), "annotations"),
            uid,
            namespace: place.namespace,
            name: place.name,
          },
        };
        await untilGone(this.cluster().client, { ...target, kind: place.kind, object }, this.cancelled.signal);
      });
    } catch (error) {
      if (isNotFound(error)) return;
      if (!(error instanceof UnreachableError) || !this.flag("deleteUnreachable")) throw error;
      warn(target.urn, `taken off the state only: ${error.message}`);
    }
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    if (token !== "kubernetes:yaml:decode")
      throw new Error(`the stand-in plugin has no ${token}: use the official plugin for it`);
    return { result: loadAll(text(args, "text") ?? "").filter(isRecord) };
  }

  cancel(): void {
    this.cancelled.abort(
      new Error("the update was cancelled while this was waited for; the next one goes on from here"),
    );
  }

  private cluster(): { client: KubeClient; discovery: Discovery } {
    if (!this.client) {
      try {
        this.client = new KubeClient(connection(this.settings));
      } catch (error) {
        throw new UnreachableError((error as Error).message);
      }
    }
    this.discovery ??= new Discovery(this.client);
    return { client: this.client, discovery: this.discovery };
  }

  /** A setting that the SDK sends as JSON text. */
  private flag(name: string): boolean {
    const value = this.settings[name];
    return value === true || (typeof value === "string" && load(value) === true);
  }

  private defaultNamespace(): string {
    try {
      return this.cluster().client.connection.namespace;
    } catch {
      return text(this.settings, "namespace") ?? "default";
    }
  }

  /** Where an object lives; undefined where its kind isn't served and nothing is to wait for that. */
  private async place(inputs: Properties, atOnce: boolean, givenName?: string): Promise<Place | undefined> {
    const { client, discovery } = this.cluster();
    const { apiVersion, kind } = { apiVersion: String(inputs.apiVersion), kind: String(inputs.kind) };
    const found = atOnce
      ? await discovery.find(apiVersion, kind)
      : await discovery.need(apiVersion, kind, this.cancelled.signal);
    if (!found) return undefined;
    const metadata = record(inputs, "metadata");
    const namespace = found.namespaced ? (text(metadata, "namespace") ?? client.connection.namespace) : undefined;
    const name = text(metadata, "name") ?? givenName ?? "";
    return {
      kind: found,
      namespace,
      name,
      path: `${collectionPath(found, namespace ?? "")}/${encodeURIComponent(name)}`,
    };
  }

  private async get(path: string): Promise<Properties | undefined> {
    try {
      return await this.cluster().client.request("GET", path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Sees to it that the object which stands where one is to be created is no obstacle. */
  private async makeRoom(target: Target, { kind }: Place, existing: Properties, manager: string): Promise<void> {
    if (isTerminating(existing))
      return untilGone(this.cluster().client, { ...target, kind, object: existing }, this.cancelled.signal);
    const lostCreate = madeBy(existing, manager) && !this.recorded.has(target.urn);
    if (lostCreate || this.flag("upsertExistingObjects")) return;
    throw new Error(
      "it already exists and is not this stack's: delete it, import it (`pulumi import`), or set the provider's upsertExistingObjects",
    );
  }

  private async apply(
    { kind, namespace, name, path }: Place,
    inputs: Properties,
    manager: string,
    dryRun: boolean,
    force = false,
  ): Promise<Properties> {
    const { client } = this.cluster();
    const body = manifest(inputs, namespace);
    const query: Record<string, string> = { fieldManager: manager, ...(dryRun && { dryRun: "All" }) };
    if (!name) return client.request("POST", collectionPath(kind, namespace ?? ""), { query, body });
    body.metadata = { ...record(body, "metadata"), name };
    const send = (forced: boolean) =>
      client.request("PATCH", path, {
        query: { ...query, force: String(forced) },
        body,
        contentType: "application/apply-patch+yaml",
      });
    if (force || this.flag("enablePatchForce") || annotation(inputs, annotations.force) === "true") return send(true);
    try {
      return await send(false);
    } catch (error) {
      // What a person changed by kubectl is taken back, as the official plugin does; another controller's field is not.
      const byKubectl =
        error instanceof ApiError &&
        error.reason === "Conflict" &&
        error.causes.length > 0 &&
        error.causes.every((cause) => cause.includes('conflict with "kubectl'));
      if (!byKubectl) throw error;
      return send(true);
    }
  }

  private async ready(target: Target, { kind }: Place, applied: Properties, manager: string): Promise<State> {
    try {
      const live = await untilReady(this.cluster().client, { ...target, kind, object: applied }, this.cancelled.signal);
      return { id: idOf(live), outputs: outputs(live, manager) };
    } catch (error) {
      throw new NotReadyError({ id: idOf(applied), outputs: outputs(applied, manager) }, (error as Error).message);
    }
  }

  /** Puts the object's name, and what to do, in front of what went wrong. */
  private async explain<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || error instanceof UnreachableError) throw error;
      if (error instanceof ApiError && error.reason === "Conflict") {
        error.message += `\n  leave these fields out of the program, or take them over with the annotation ${annotations.force}: "true"`;
      }
      error.message = `${what}: ${error.message}`;
      throw error;
    }
  }
}
