import * as yaml from "js-yaml";
import { type Container, podsOf } from "../pods";
import { type KubernetesObject, type Resource, titleOf } from "../resource";
import { containsSecret, holdsSecret, withoutSecretArguments } from "../secrets";

/**
 * The program contains no credential, judged by its name and its shape. A policy receives a secret output as plain
 * text, so the keys of Secrets are checked too. A Secret without a credential is allowed. So is the token with which
 * Argo CD reaches one namespace of a remote cluster, since the program creates its ServiceAccount.
 */
export function credentials(resource: Resource): string[] {
  const { object } = resource;
  const inPods = podsOf(resource).flatMap(({ title, containers }) =>
    containers.flatMap((container) => inContainer(title, container)),
  );
  const isData = ["ConfigMap", "Secret"].includes(object.kind);
  const found = isData ? credentialKeys(contentsOf(object)) : [];
  const keys = found.filter((key) => !(key === "config.bearerToken" && isForOneNamespace(object)));
  return [
    ...inPods,
    ...keys.map(
      (key) =>
        `${titleOf(resource)} contains ${key}: create a Secret with it outside of the program, and refer to that`,
    ),
  ];
}

/** Credentials among the variables and the arguments of a container. */
function inContainer(title: string, { name: container, env = [], command = [], args = [] }: Container): string[] {
  const remedy = "refer to a Secret with valueFrom.secretKeyRef";
  const variables = env.filter(({ name, value }) => value && (holdsSecret(name, value) || containsSecret(value)));
  const words = [...command, ...args];
  const hidden = withoutSecretArguments(words, "[secret]");
  const hasArgument = words.some((word, index) => word !== hidden[index] || containsSecret(word));
  return [
    ...variables.map(({ name }) => `${title} gives its container ${container} the value of ${name}: ${remedy}`),
    ...(hasArgument
      ? [`${title} gives its container ${container} a credential as an argument: ${remedy}, and write $(NAME)`]
      : []),
  ];
}

/**
 * The data of a ConfigMap or a Secret, as text. The provider moves the `stringData` of a Secret to its `data`, in
 * Base64.
 */
function contentsOf({ kind, data = {}, binaryData = {}, stringData = {} }: KubernetesObject): Record<string, unknown> {
  const values = Object.entries({ ...data, ...binaryData }).map(([key, value]) => {
    const isEncoded = typeof value === "string" && (kind === "Secret" || key in binaryData);
    const text = isEncoded ? Buffer.from(value, "base64").toString() : undefined;
    // A value that is not in Base64 is judged as it is.
    return [key, text && Buffer.from(text).toString("base64") === value ? text : value];
  });
  return { ...Object.fromEntries(values), ...stringData };
}

/** Whether a Secret registers a cluster with Argo CD for one namespace, with the token of a ServiceAccount in it. */
function isForOneNamespace(object: KubernetesObject): boolean {
  const { clusterResources, namespaces, config } = contentsOf(object);
  const isCluster = object.metadata?.labels?.["argocd.argoproj.io/secret-type"] === "cluster";
  if (!isCluster || clusterResources !== "false" || !namespaces || typeof config !== "string") return false;
  const { bearerToken } = parsed(config) as { bearerToken: string };
  return subjectOf(bearerToken).startsWith(`system:serviceaccount:${namespaces}:`);
}

/** The subject of a JSON Web Token. */
function subjectOf(token: string): string {
  const claims = parsed(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return String((claims as { sub?: unknown } | null | undefined)?.sub);
}

/** The keys of credentials, including keys inside JSON or YAML: `config.bearerToken`. */
function credentialKeys(value: unknown): string[] {
  const fields = typeof value === "string" ? parsed(value) : value;
  if (!fields || typeof fields !== "object") return [];
  return Object.entries(fields).flatMap(([key, inner]) => {
    if (typeof inner === "string" && holdsSecret(key, inner)) return [key];
    const within = credentialKeys(inner);
    if (typeof inner === "string" && within.length === 0 && containsSecret(inner)) return [key];
    return within.map((inside) => `${key}.${inside}`);
  });
}

function parsed(text: string): unknown {
  try {
    return /^\s*[[{"]/.test(text) || !text.trim().includes("\n") ? JSON.parse(text) : yaml.load(text);
  } catch {
    return undefined;
  }
}
