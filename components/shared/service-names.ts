/** A Service's names inside the cluster, from the short one, for pods of its namespace, to the full one. */
export const serviceNames = (service: string, namespace: string): string[] =>
  ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map((domain) => `${service}${domain}`);
