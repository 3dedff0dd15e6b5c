import { podsOf } from "../pods";
import { type KubernetesObject, type Resource, titleOf } from "../resource";

/** Names of credentials as environment variables, settings and Argo CD's repository and cluster Secrets have them. */
const credential =
  /(passw(or)?d|passphrase|token|secret|credentials?|(private|access|api|secret|signing|encryption|cert|tls)[-_.]?key|key[-_]?data)$/i;

/**
 * Nothing that is a credential by its name stands in the program. A policy is told a secret output as plain text,
 * so a Secret is judged by its keys too: one without a credential may well be declared, and so may the token with which
 * Argo CD reaches one namespace of another cluster, since the program makes its account.
 */
export function credentials(resource: Resource): string[] {
  const { object } = resource;
  const variables = podsOf(resource).flatMap(({ title, containers }) =>
    containers.flatMap(({ name: container, env = [] }) =>
      env
        .filter(({ name, value }) => value && credential.test(name))
        .map(
          ({ name }) =>
            `${title} gives its container ${container} the value of ${name}: name a Secret by valueFrom.secretKeyRef`,
        ),
    ),
  );
  const found = ["ConfigMap", "Secret"].includes(object.kind)
    ? credentialKeys({ ...object.data, ...object.stringData })
    : [];
  const keys = found.filter((key) => !(key === "config.bearerToken" && isOfOneNamespace(object)));
  return [
    ...variables,
    ...keys.map(
      (key) => `${titleOf(resource)} holds ${key}: make a Secret with it outside of the program, and name that one`,
    ),
  ];
}

/** Whether an object registers a cluster with Argo CD for one namespace, by the token of a ServiceAccount in that namespace. */
function isOfOneNamespace({ metadata, stringData = {} }: KubernetesObject): boolean {
  const { clusterResources, namespaces, config } = stringData;
  if (
    metadata?.labels?.["argocd.argoproj.io/secret-type"] !== "cluster" ||
    clusterResources !== "false" ||
    !namespaces ||
    !config
  )
    return false;
  const { bearerToken } = parsed(config) as { bearerToken: string };
  const claims = parsed(Buffer.from(bearerToken.split(".")[1] ?? "", "base64url").toString()) as
    | { sub?: unknown }
    | null
    | undefined;
  return String(claims?.sub).startsWith(`system:serviceaccount:${namespaces}:`);
}

/** The keys of credentials, those within JSON among them: `config.bearerToken`. */
function credentialKeys(value: unknown): string[] {
  const fields = typeof value === "string" ? parsed(value) : value;
  if (!fields || typeof fields !== "object") return [];
  return Object.entries(fields).flatMap(([key, inner]) => {
    if (typeof inner === "string" && inner && credential.test(key)) return [key];
    return credentialKeys(inner).map((within) => `${key}.${within}`);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
