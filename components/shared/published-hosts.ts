/**
 * The names by which a page may be asked. Its server compares the `Host` header with them, port included, so that no
 * page of a stranger reaches it by DNS rebinding.
 */
import type { ExposureSettings } from "../../config";
import { type ExposedService, exposedHosts, openedPort } from "./exposure";

/** A Service as pods name it. */
interface InsideService {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
}

/**
 * Every `host` and `host:port` under which the stack publishes a page, and its Service's names inside the cluster, from
 * the short one, for pods of its namespace, to the full one.
 * @param hosts further ones, such as that of an ingress: a setting
 */
export function publishedHosts(
  exposure: ExposureSettings,
  exposed: Pick<ExposedService, "name" | "port">,
  { name, namespace, port }: InsideService,
  hosts: readonly string[],
): string[] {
  const serviceNames = ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map(
    (domain) => `${name}${domain}`,
  );
  const withAndWithout = (at: number) => (host: string) => [host, `${host}:${at}`];
  return [
    ...new Set([
      ...serviceNames.flatMap(withAndWithout(port)),
      ...exposedHosts(exposure).flatMap(withAndWithout(openedPort(exposure, exposed))),
      ...hosts,
    ]),
  ];
}
