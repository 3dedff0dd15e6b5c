import { KubeConfig } from "@kubernetes/client-node";
import { ApiError, Cluster } from "../../lib/kube-client";
import { connect } from "../../stacks/stack-cluster";
import { waitFor } from "./faults";

const namespace = "people";

export interface Person {
  /** The name under which the API server knows the person. */
  readonly username: string;
  /** The cluster, as this person. */
  readonly cluster: Cluster;
  readonly token: string;
}

/**
 * Runs `use` with people who may look at the pipeline, submit its workflows and freeze it, and nothing else:
 * ServiceAccounts of a namespace of their own, which is deleted in the end.
 */
export async function withPeople<T>(names: string[], use: (people: Record<string, Person>) => Promise<T>): Promise<T> {
  const admin = connect();
  const create = (path: string, body: object) => admin.api(path, { method: "POST", body });
  await create("/api/v1/namespaces", { metadata: { name: namespace } });
  const role = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: namespace };
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/argo";
  try {
    for (const name of names) await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    await create(`${roles}/roles`, {
      metadata: { name: namespace },
      rules: [
        { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["create", "get", "list"] },
        { apiGroups: ["argoproj.io"], resources: ["workflowtemplates"], verbs: ["get"] },
        { apiGroups: [""], resources: ["configmaps"], resourceNames: ["promotion-freeze"], verbs: ["get", "patch"] },
      ],
    });
    const subjects = names.map((name) => ({ kind: "ServiceAccount", name, namespace }));
    await create(`${roles}/rolebindings`, { metadata: { name: namespace }, roleRef: role, subjects });
    const people = await Promise.all(names.map(async (name) => [name, await person(admin, name)] as const));
    return await use(Object.fromEntries(people));
  } finally {
    for (const path of [
      `${roles}/rolebindings/${namespace}`,
      `${roles}/roles/${namespace}`,
      `/api/v1/namespaces/${namespace}`,
    ])
      await admin.api(path, { method: "DELETE" });
    await waitFor("the end of the namespace", () =>
      admin.api(`/api/v1/namespaces/${namespace}`).then(
        () => false,
        (error: Error) => error instanceof ApiError && error.status === 404,
      ),
    );
  }
}

async function person(admin: Cluster, name: string): Promise<Person> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const { status } = await admin.api<{ status: { token: string } }>(path, { method: "POST", body: request });
  const config = new KubeConfig();
  config.loadFromClusterAndUser(admin.config.getCurrentCluster()!, { name, token: status.token });
  return { username: usernameOf(name), cluster: new Cluster(config), token: status.token };
}

/** The name under which the API server knows a person. */
export const usernameOf = (name: string): string => `system:serviceaccount:${namespace}:${name}`;
