/** Which path of the API serves a kind. */
import { deadline } from "./deadline";
import { isNotFound, type KubeClient } from "./kube-client";
import { type Properties, record, records, text } from "./values";

/** A kind as the API serves it. */
export interface Kind {
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

/** `apps/v1` → `apps`; the core group is empty. */
export const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? apiVersion.split("/")[0] : "");

const prefix = (apiVersion: string): string => (groupOf(apiVersion) ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

/** Path of the collection that holds the objects of a kind (in a namespace). */
export function collectionPath(kind: Kind, namespace: string): string {
  return `${prefix(kind.apiVersion)}${kind.namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : ""}/${kind.plural}`;
}

/** How long a custom resource waits for its definition: as long as the definition may take to be established. */
const definitionSeconds = 60;

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Looks kinds up in the API server, each group version once. */
export class Discovery {
  private readonly groupVersions = new Map<string, Promise<Kind[]>>();

  constructor(private readonly client: KubeClient) {}

  /** The kind, or undefined where the API server doesn't serve it (yet). */
  async find(apiVersion: string, kind: string): Promise<Kind | undefined> {
    const cached = this.groupVersions.get(apiVersion);
    const known = cached && (await cached).find((each) => each.kind === kind);
    if (known) return known;
    const listed = this.list(apiVersion);
    this.groupVersions.set(apiVersion, listed);
    listed.catch(() => this.groupVersions.delete(apiVersion));
    return (await listed).find((each) => each.kind === kind);
  }

  /**
   * The kind, waited for where its definition is being made by the same update.
   * @throws Error where there is none within a minute.
   */
  async need(apiVersion: string, kind: string, cancelled: AbortSignal): Promise<Kind> {
    const found = await this.find(apiVersion, kind);
    if (found) return found;
    const { signal, clear } = deadline(definitionSeconds, cancelled);
    const served = (object: Properties | undefined): Kind | undefined => servedKind(object, apiVersion, kind);
    try {
      return await this.client.follow(definitions, {}, signal, served);
    } catch (error) {
      if (!signal.aborted || cancelled.aborted) throw error;
      throw new Error(
        `the cluster has no kind "${kind}" in "${apiVersion}": install its CustomResourceDefinition first (dependsOn), or correct the two`,
      );
    } finally {
      clear();
    }
  }

  private async list(apiVersion: string): Promise<Kind[]> {
    try {
      const answer = await this.client.request("GET", prefix(apiVersion));
      const resources = records(answer, "resources").filter(({ name }) => !String(name).includes("/"));
      return resources.map((each) => ({
        apiVersion,
        kind: String(each.kind),
        plural: String(each.name),
        namespaced: each.namespaced === true,
      }));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
}

/** The kind that an established definition serves, where it is the wanted one. */
export function servedKind(definition: Properties | undefined, apiVersion: string, kind: string): Kind | undefined {
  const spec = record(definition, "spec");
  const names = record(spec, "names");
  const established = records(record(definition, "status"), "conditions").some(
    ({ type, status }) => type === "Established" && status === "True",
  );
  const serves = records(spec, "versions").some(
    ({ name, served }) => served === true && `${text(spec, "group")}/${name}` === apiVersion,
  );
  if (!established || !serves || names.kind !== kind) return undefined;
  return { apiVersion, kind, plural: String(names.plural), namespaced: spec.scope === "Namespaced" };
}
