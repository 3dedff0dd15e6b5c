import { podsOf } from "../pods";
import { type KubernetesObject, type Resource, titleOf } from "../resource";

const credentialNouns = ["passw(or)?d", "passphrase", "token", "secret", "credentials?", "key[-_]?data"];
const kindsOfKey = ["private", "access", "api", "secret", "signing", "encryption", "cert", "tls"];
/** Names of credentials, as in environment variables, settings, and Argo CD's repository and cluster Secrets. */
const credential = new RegExp(`(${credentialNouns.join("|")}|(${kindsOfKey.join("|")})[-_.]?key)$`, "i");

/**
 * The program contains no credential, judged by its name. A policy receives a secret output as plain text, so the keys
 * of Secrets are checked too. A Secret without a credential is allowed. So is the token with which Argo CD reaches one
 * namespace of a remote cluster, since the program creates its ServiceAccount.
 */
export function credentials(resource: Resource): string[] {
  const { object } = resource;
  const variables = podsOf(resource).flatMap(({ title, containers }) =>
    containers.flatMap(({ name: container, env = [] }) =>
      env
        .filter(({ name, value }) => value && credential.test(name))
        .map(
          ({ name }) =>
            `${title} gives its container ${container} the value of ${name}: ` +
            "refer to a Secret with valueFrom.secretKeyRef",
        ),
    ),
  );
  const found = ["ConfigMap", "Secret"].includes(object.kind)
    ? credentialKeys({ ...object.data, ...object.stringData })
    : [];
  const keys = found.filter((key) => !(key === "config.bearerToken" && isForOneNamespace(object)));
  return [
    ...variables,
    ...keys.map(
      (key) =>
        `${titleOf(resource)} contains ${key}: create a Secret with it outside of the program, and refer to that`,
    ),
  ];
}

/** Whether a Secret registers a cluster with Argo CD for one namespace, with the token of a ServiceAccount in it. */
function isForOneNamespace({ metadata, stringData = {} }: KubernetesObject): boolean {
  const { clusterResources, namespaces, config } = stringData;
  const isCluster = metadata?.labels?.["argocd.argoproj.io/secret-type"] === "cluster";
  if (!isCluster || clusterResources !== "false" || !namespaces || !config) return false;
  const { bearerToken } = parsed(config) as { bearerToken: string };
  return subjectOf(bearerToken).startsWith(`system:serviceaccount:${namespaces}:`);
}

/** The subject of a JSON Web Token. */
function subjectOf(token: string): string {
  const claims = parsed(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return String((claims as { sub?: unknown } | null | undefined)?.sub);
}

/** The keys of credentials, including keys inside JSON: `config.bearerToken`. */
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
